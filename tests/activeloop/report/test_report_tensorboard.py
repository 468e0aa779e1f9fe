from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from torch import Tensor

from activeloop.report.cards import _settings
from activeloop.report.conditions import conditions
from activeloop.report.curves import Point
from activeloop.report.events import read
from activeloop.report.study import study
from activeloop.report.summary import summarise
from activeloop.report.tensorboard import MOST_CHECKED, bands_link, run_folder, write_all, write_means, write_run

WriteRun = Callable[..., Path]
WriteTimings = Callable[[Path, Sequence[Mapping[str, float]]], None]
CURVE = {10: 0.5, 20: 0.7, 30: 0.8}


def seen(folder: Path) -> dict[str, list[tuple[int, object]]]:
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return {
        tag: [(event.step, pytest.approx(event.value)) for event in accumulator.Scalars(tag)]
        for tag in accumulator.Tags()["scalars"]
    }


def pictures(rows: Sequence[int]) -> Tensor:
    """Row k is a flat grey of k."""
    return torch.stack([torch.full((1, 8, 8), row, dtype=torch.uint8) for row in rows])


def test_the_step_is_labels_told(write_journal: WriteRun, tmp_path: Path) -> None:
    write_run(write_journal("random", 0, CURVE), tmp_path / "tb")

    assert seen(tmp_path / "tb")["accuracy/single run"] == list(CURVE.items())
    assert seen(tmp_path / "tb")["area/of accuracy so far"] == [(20, 0.6), (30, (0.6 + 0.75) / 2)]


def test_writing_twice_adds_nothing(write_journal: WriteRun, tmp_path: Path) -> None:
    run = write_journal("random", 0, CURVE)
    write_run(run, tmp_path / "tb", pictures)
    before = read(tmp_path / "tb").file.read_bytes()

    assert write_run(run, tmp_path / "tb", pictures) == 0
    assert read(tmp_path / "tb").file.read_bytes() == before


def test_a_run_watched_round_by_round_shows_what_one_look_shows(write_journal: WriteRun, tmp_path: Path) -> None:
    watched, once = tmp_path / "a" / "random" / "seed-0", tmp_path / "b" / "random" / "seed-0"
    for rounds in (1, 2, 3):
        run = write_journal("random", 0, dict(list(CURVE.items())[:rounds]))
        write_run(run, watched, pictures, now=lambda: 1.0)
    write_run(run, once, pictures, now=lambda: 1.0)

    assert read(watched).values == read(once).values
    assert seen(watched) == seen(once)


def test_a_run_not_begun_shows_nothing_and_breaks_nothing(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").touch()

    assert write_run(tmp_path, tmp_path / "tb") == 0


def test_even_classes_have_entropy_one(write_journal: WriteRun, tmp_path: Path) -> None:
    write_run(write_journal("random", 0, {10: 0.5}), tmp_path / "tb")

    found = seen(tmp_path / "tb")

    assert found["class balance/entropy, 1 is even"] == [(10, 1.0)]
    assert found["class balance/fraction of cat"] == [(10, 0.5)]


def test_many_classes_show_their_entropy_alone(write_journal: WriteRun, tmp_path: Path) -> None:
    run = write_journal("random", 0, {10: 0.5}, classes=[f"class {i}" for i in range(21)])

    write_run(run, tmp_path / "tb")

    tags = [tag for tag in seen(tmp_path / "tb") if tag.startswith("class balance")]
    assert tags == ["class balance/entropy, 1 is even"]
    assert seen(tmp_path / "tb")[tags[0]] == [(10, np.log(2) / np.log(21))]


def test_timings_are_shown_up_to_a_torn_line(
    write_journal: WriteRun, write_timings: WriteTimings, tmp_path: Path
) -> None:
    run = write_journal("random", 0, CURVE)
    write_timings(run, [{"round": 0, "labels": 10, "fit_s": 0.5, "look_s": 0.25, "pick_s": 0.125, "peak_mb": 412}])
    with (run / "timings.jsonl").open("a") as lines:
        lines.write('{"round": 1, "labels": 20, "fi')

    write_run(run, tmp_path / "tb")

    found = seen(tmp_path / "tb")
    assert found["seconds/fit"] == [(10, 0.5)]
    assert found["seconds/pick"] == [(10, 0.125)]
    assert found["memory/peak in MB"] == [(10, 412)]


def test_wrong_answers_are_rates_of_the_query_and_of_all(write_journal: WriteRun, tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    wrongs = {"q0000": 0, "q0001": 2, "q0002": 1, "q0003": 9}  # the journal does not know the last one yet
    lines = [json.dumps({"query": query, "answered": 10, "wrong": wrong}) for query, wrong in wrongs.items()]
    truth.write_text("\n".join(lines))

    write_run(write_journal("random", 0, CURVE), tmp_path / "tb", truth=truth)

    assert seen(tmp_path / "tb")["wrong answers/of this query"] == [(10, 0.0), (20, 0.2), (30, 0.1)]
    assert seen(tmp_path / "tb")["wrong answers/so far"] == [(10, 0.0), (20, 0.1), (30, 0.1)]


def test_picks_are_one_grid_a_round_at_the_labels_that_the_picking_model_had(
    write_journal: WriteRun, tmp_path: Path
) -> None:
    write_run(write_journal("random", 0, {10: 0.5, 13: 0.6}), tmp_path / "tb", pictures)

    accumulator = EventAccumulator(str(tmp_path / "tb"))
    accumulator.Reload()
    (start,), (grid,) = accumulator.Images("picked/start"), accumulator.Images("picked/acquire")
    pixels = np.asarray(Image.open(io.BytesIO(grid.encoded_image_string)))

    assert (start.step, grid.step) == (0, 10)
    assert (grid.width, grid.height) == (3 * 66 + 2, 68)  # 8 pixels shown as 64, with 2 around
    assert [int(pixels[34, 34 + 66 * i, 0]) for i in range(3)] == [10, 11, 12]


def test_settings_lie_in_the_runs_own_folder(write_journal: WriteRun, tmp_path: Path) -> None:
    from tensorboard.plugins.hparams.metadata import parse_experiment_plugin_data, parse_session_start_info_plugin_data

    write_run(write_journal("entropy", 3, CURVE), tmp_path / "tb")

    accumulator = EventAccumulator(str(tmp_path / "tb"))
    accumulator.Reload()
    content = accumulator.PluginTagToContent("hparams")
    row = parse_session_start_info_plugin_data(content["_hparams_/session_start_info"])
    columns = parse_experiment_plugin_data(content["_hparams_/experiment"])
    assert (row.hparams["strategy"].string_value, row.hparams["seed"].number_value) == ("entropy", 3)
    assert row.hparams["learner.epochs"].number_value == 5
    assert columns.metric_infos[0].name.tag == "accuracy/single run"
    assert [path.is_file() for path in (tmp_path / "tb").iterdir()] == [True]


def points(*accuracies: float) -> list[Point]:
    """Two strategies; one seed per accuracy, rising from 0.5 at 10 labels to it at 20."""
    return [
        Point(strategy, seed, round, labels, "accuracy", value)
        for strategy in ("random", "entropy")
        for seed, last in enumerate(accuracies)
        for round, (labels, value) in enumerate(((10, 0.5), (20, last)))
    ]


def test_means_hold_one_tag_in_one_folder_per_strategy(tmp_path: Path) -> None:
    write_means({"": summarise(points(0.7, 0.9))}, tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["entropy", "random"]
    mean = dict(seen(tmp_path / "entropy")["accuracy/mean of seeds"])
    assert (mean[10], mean[15], mean[20]) == (0.5, 0.65, 0.8)  # between its points, on the straight line
    assert seen(tmp_path / "entropy")["interval/accuracy mean"] == [(10, 0.5), (20, 0.8)]


def test_a_mean_that_changed_as_a_seed_came_in_is_seen_once(tmp_path: Path) -> None:
    write_means({"": summarise(points(0.7))}, tmp_path)

    write_means({"": summarise(points(0.7, 0.9))}, tmp_path)

    assert seen(tmp_path / "random")["interval/accuracy mean"] == [(10, 0.5), (20, 0.8)]


def test_means_of_another_metric_leave_the_first_in_place(tmp_path: Path) -> None:
    losses = [Point(p.strategy, p.seed, p.round, p.labels, "loss", 1 - p.value) for p in points(0.7)]
    write_means({"": summarise(points(0.7))}, tmp_path)

    write_means({"": summarise(losses, "loss")}, tmp_path)

    assert seen(tmp_path / "random")["interval/accuracy mean"] == [(10, 0.5), (20, 0.7)]
    assert seen(tmp_path / "random")["interval/loss mean"] == [(10, 0.5), (20, 0.3)]


def test_charts_stand_in_the_order_of_their_conditions_in_every_folder(tmp_path: Path) -> None:
    summary = summarise(points(0.7, 0.9))
    write_means({"budget 20": summary, "budget 100": summary}, tmp_path)

    for condition in ("budget 20", "budget 100"):
        charts = layout(tmp_path / condition / "random").category[0].chart
        titles = [chart.title for chart in charts]
        assert titles == [f"{each}: accuracy, mean and 95 % interval" for each in ("budget 100", "budget 20")]
        assert charts[1].margin.series[0].value == "interval/accuracy mean, budget 20"
        assert f"interval/accuracy mean, {condition}" in seen(tmp_path / condition / "random")


def layout(folder: Path) -> Layout:
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    (event,) = accumulator.Tensors("custom_scalars__config__")
    found = Layout()
    found.ParseFromString(event.tensor_proto.string_val[0])
    return found


def write_board(out: Path, goal: float = 0.7) -> None:
    found = conditions([out])
    summaries = [each.summary for each in study(found, target=goal).conditions]
    write_all(out / "tb", found, summaries, now=lambda: 1.0)


def folders(tb: Path) -> list[str]:
    return sorted(str(file.parent.relative_to(tb)) for file in tb.rglob("events.out.*"))


def test_conditions_are_levels_of_folders(write_journal: WriteRun, tmp_path: Path) -> None:
    for start in ("random", "k-center"):
        write_journal("bald", 0, CURVE, name=f"bald-{start}", start=start)

    write_board(tmp_path)

    assert folders(tmp_path / "tb") == [
        "mean/start k-center/bald", "mean/start random/bald",
        "runs/start k-center/bald/seed-0", "runs/start random/bald/seed-0",
    ]  # fmt: skip
    assert run_folder(tmp_path / "tb", "bald", 0, "start random").is_dir()


def test_a_condition_that_came_later_renames_the_first_and_leaves_nothing_twice(
    write_journal: WriteRun, tmp_path: Path
) -> None:
    write_journal("bald", 0, CURVE)
    write_board(tmp_path)
    assert folders(tmp_path / "tb") == ["mean/bald", "runs/bald/seed-0"]
    (tmp_path / "tb" / "mean" / "bald" / "notes.txt").touch()

    write_journal("bald", 0, CURVE, name="another", start="k-center")
    write_board(tmp_path)

    assert folders(tmp_path / "tb") == [
        "mean/start k-center/bald", "mean/start random/bald",
        "runs/start k-center/bald/seed-0", "runs/start random/bald/seed-0",
    ]  # fmt: skip
    assert not (tmp_path / "tb" / "runs" / "bald").exists()
    assert [file.name for file in (tmp_path / "tb" / "mean" / "bald").iterdir()] == ["notes.txt"]  # not ours


def test_a_long_name_of_a_condition_is_cut_and_still_its_own(tmp_path: Path) -> None:
    names = [f"start {'k-center ' * 40}{which}" for which in "ab"]

    one, another = (run_folder(tmp_path, "bald", 0, name) for name in names)

    one.mkdir(parents=True)
    assert one != another


def test_labels_to_the_goal_follow_the_last_report(write_journal: WriteRun, tmp_path: Path) -> None:
    run = write_journal("bald", 0, CURVE)
    at = run_folder(tmp_path / "tb", "bald", 0)

    write_board(tmp_path, goal=0.6)
    assert seen(at)["labels/to goal"] == [(15, 15)]
    write_run(run, at, now=lambda: 1.0)  # as the run does while it goes on: it knows no goal
    assert seen(at)["labels/to goal"] == [(15, 15)]

    write_board(tmp_path, goal=0.75)
    assert seen(at)["labels/to goal"] == [(25, 25)]
    write_board(tmp_path, goal=0.9)
    ((step, value),) = read_scalars(at, "labels/to goal")
    assert (step, np.isnan(value)) == (0, True)


def read_scalars(folder: Path, tag: str) -> list[tuple[int, float]]:
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return [(event.step, event.value) for event in accumulator.Scalars(tag)]


def test_a_goal_never_reached_shows_nothing(write_journal: WriteRun, tmp_path: Path) -> None:
    write_journal("bald", 0, CURVE)

    write_board(tmp_path, goal=0.99)

    assert "labels/to goal" not in seen(run_folder(tmp_path / "tb", "bald", 0))


def test_a_stage_of_the_oracle_is_noise_too() -> None:
    config = {
        "oracle": {"name": "simulated", "noise": "pair:0.2", "stages": [{"kind": "tired", "rate": 50}, "gambler"]}
    }

    assert dict(_settings(config))["noise"] == "tired, gambler, pair:0.2"


def test_few_runs_need_no_link(tmp_path: Path) -> None:
    for at in range(MOST_CHECKED):
        (tmp_path / str(at)).mkdir()
        (tmp_path / str(at) / "events.out.tfevents.0000.activeloop").touch()
    assert bands_link(tmp_path) is None

    (tmp_path / "events.out.tfevents.0000.activeloop").touch()
    assert bands_link(tmp_path) is not None
