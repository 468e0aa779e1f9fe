from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from activeloop.cli.projected import write_projector
from activeloop.errors import UnknownName
from activeloop.fold import State, fold
from activeloop.report import projected
from activeloop.report.conditions import conditions
from activeloop.report.projected import files_of, rows_of
from activeloop.report.projector import FILES


def state_of(queries: Sequence[tuple[str, Sequence[int]]], rows: int = 30, **more: Any) -> State:
    """Each query is a use and its rows, all told as class 0, but row 1 skipped."""
    events: list[dict[str, Any]] = [
        {"event": "opened", "config": {"seed": 0}, "fingerprint": "f", "data": "d", "rows": rows,
         "classes": ["cat", "dog"], **more}
    ]  # fmt: skip
    for at, (use, asked) in enumerate(queries):
        events.append({"event": "asked", "query": f"q{at}", "use": use, "rows": list(asked)})
        answers = {str(row): -2 if row == 1 else 0 for row in asked}
        events.append({"event": "told", "query": f"q{at}", "answers": answers})
    state = fold(events)
    assert state is not None
    return state


FEW = state_of([("validation", [9]), ("start", [3, 1]), ("acquire", [7]), ("acquire", [5])], known={"2": 1})


def greys(rows: Sequence[int]) -> Tensor:
    """Row k is a flat grey of k / 30."""
    return torch.stack([torch.full((1, 8, 8), row / 30) for row in rows])


def made(state: State, images: Any = None, truth: Any = None) -> tuple[list[dict[str, str]], Mapping[str, bytes]]:
    rows = rows_of(state)
    features = torch.from_numpy(np.random.default_rng(0).normal(size=(len(rows), 4))).float()
    files = files_of(state, rows, features, "noise", images, truth)
    return list(csv.DictReader(io.StringIO(files["metadata.tsv"].decode()), delimiter="\t")), files


def test_rows_say_when_they_were_picked_and_what_they_were_told() -> None:
    lines, _ = made(FEW, truth=np.array([0, 1] * 15))

    by_row = {line["row"]: line for line in lines}
    assert by_row["7"] == {
        "row": "7", "round": "round 1", "order": "4", "label": "cat", "answer": "wrong", "true class": "dog"
    }  # fmt: skip
    assert [by_row[row]["round"] for row in "9325"] == ["validation", "start", "labelled before", "round 2"]
    assert (by_row["1"]["label"], by_row["1"]["answer"]) == ("skipped", "-")
    assert (by_row["8"]["round"], by_row["8"]["order"], by_row["8"]["label"]) == ("not picked", "0", "-")


def test_rounds_come_in_their_order_and_the_rest_last() -> None:
    lines, files = made(FEW)

    assert list(dict.fromkeys(line["round"] for line in lines if line["round"] != "labelled before")) == [
        "validation", "start", "round 1", "round 2", "not picked"
    ]  # fmt: skip
    assert "true class" not in lines[0]
    assert "sprite.png" not in files


def test_many_rounds_are_eight_groups_so_that_not_picked_is_the_tenth_colour_grey() -> None:
    state = state_of([("start", [0]), *(("acquire", [row]) for row in range(1, 21))])

    lines, _ = made(state)

    names = list(dict.fromkeys(line["round"] for line in lines))
    assert names == [
        "start", "rounds 1–3", "rounds 4–6", "rounds 7–9", "rounds 10–12", "rounds 13–14", "rounds 15–16",
        "rounds 17–18", "rounds 19–20", "not picked",
    ]  # fmt: skip
    assert len(names) == 10


def test_of_a_large_pool_half_of_the_rows_shown_are_picks_of_all_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projected, "MOST_ROWS", 20)
    state = state_of([("start", range(40)), ("acquire", range(40, 80))], rows=100)

    rows = rows_of(state).tolist()

    asked = [row for row in rows if row < 80]
    assert (len(rows), len(set(rows)), len(asked)) == (20, 20, 10)
    assert asked == sorted(asked)  # the order asked
    assert 0 < sum(row < 40 for row in asked) < 10
    assert rows_of(state).tolist() == rows


def test_frames_go_from_dark_to_bright_and_what_was_not_picked_is_pale() -> None:
    lines, files = made(FEW, images=greys)
    sprite = np.asarray(Image.open(io.BytesIO(files["sprite.png"]))).astype(int)
    side = 30
    across = sprite.shape[0] // side

    def tile(row: int) -> Any:
        at = next(i for i, line in enumerate(lines) if line["row"] == str(row))
        y, x = at // across * side, at % across * side
        return sprite[y : y + side, x : x + side]

    frames = [tile(row)[0, 0].sum() for row in (3, 7, 5)]  # start, round 1, round 2
    assert frames == sorted(frames)
    assert len(set(frames)) == 3
    assert tile(7)[15, 15].tolist() == [round(255 * 7 / 30)] * 3
    assert tile(8)[15, 15].tolist() == [round(255 * (1 - 0.3 * (1 - 8 / 30)))] * 3
    assert tile(8)[0, 0].tolist() == [215] * 3
    assert (tile(3)[0, 0] == tile(1)[0, 0]).all()


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """Two runs of digits, simulated."""
    from activeloop.cli.simulation import loaded, simulate
    from activeloop.config import build

    for name, features in (("embedded", None), ("seen", "pca")):
        table = {"budget": 30, "query": 10, "acquire": {"strategy": "margin"}, "data": {"features": features}}
        config = build({**table, "learner": {"options": {"epochs": 2}}})
        for _ in simulate(config, loaded(config), tmp_path / "runs" / name, tmp_path):
            pass
    return tmp_path


def test_a_run_is_shown_by_its_last_model_or_by_the_features_that_it_saw(demo: Path) -> None:
    found = conditions([demo])

    embedded = write_projector(found, "embedded", demo / "tb")
    seen = write_projector(found, str(demo / "runs" / "seen"), demo / "tb")

    assert embedded != seen
    for folder, said in ((embedded, "embeddings of the model on 30 labels"), (seen, "pca, ")):
        assert {path.name for path in folder.iterdir()} >= set(FILES)
        assert f'tensor_name: "{said}' in (folder / "projector_config.pbtxt").read_text()
        lines = list(csv.DictReader((folder / "metadata.tsv").open(), delimiter="\t"))
        assert Counter(line["round"] for line in lines) == {"start": 20, "round 1": 10, "not picked": 1408}
        assert {line["answer"] for line in lines} == {"right", "-"}


def test_an_unknown_run_is_answered_with_the_nearest(write_journal: Callable[..., Path], tmp_path: Path) -> None:
    write_journal("bald", 0, {10: 0.5})

    with pytest.raises(UnknownName, match=r"no run here is called 'bld-0'; did you mean 'bald-0'\?"):
        write_projector(conditions([tmp_path]), "bld-0", tmp_path / "tb")
