from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from activeloop.report.answers import Answers, write_answers
from activeloop.report.conditions import conditions
from activeloop.report.curves import Record
from activeloop.report.images import Images
from activeloop.report.page.sheets import ACROSS, DOWN, MOST_BYTES, evenly
from activeloop.report.page.write import chosen, write_page
from activeloop.store.confusion import write_confusion
from activeloop.store.failure import note
from activeloop.store.journal import Journal

from .conftest import Curve, events

WriteRun = Callable[..., Path]
HOSTILE = "<script>alert(1)</script>\"' onload=x |`"


class Page(HTMLParser):
    """What a page holds, as a parser sees it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def sections(self) -> list[str]:
        return [str(given["id"]) for tag, given in self.tags if tag == "section"]


def compare(
    write_journal: WriteRun, strategies: Sequence[str] = ("margin", "entropy", "random"), seeds: int = 5
) -> None:
    """The first strategy best."""
    for rank, strategy in enumerate(strategies):
        for seed in range(seeds):
            curve = {k: 0.97 - (0.1 + 0.05 * rank) * 40 / k + 0.002 * seed * (rank + 1) for k in range(20, 220, 20)}
            write_journal(strategy, seed, curve, name=f"run{rank}-{seed}")


def report(folder: Path, to: Path | None = None, **given: object) -> Page:
    write_page(conditions([folder]), to or folder, **given)  # type: ignore[arg-type]
    return Page((to or folder) / "report.html")


def greys(_: Record) -> Images:
    def show(rows: Sequence[int]) -> Tensor:
        return torch.tensor(rows).float().div(200).clamp(0, 1)[:, None, None, None].expand(-1, 1, 8, 8)

    return show


def noise(_: Record) -> Images:
    def show(rows: Sequence[int]) -> Tensor:
        return torch.rand(len(rows), 3, 32, 32, generator=torch.Generator().manual_seed(0))

    return show


def test_a_page_answers_its_questions_in_order(write_journal: WriteRun, tmp_path: Path) -> None:
    compare(write_journal)
    page = report(tmp_path)

    order = ["verdict", "curves", "table", "pairs", "ranks", "forecast", "stops", "answers", "runs", "reading"]
    assert page.sections == [name for name in order if name in page.sections]
    assert {"curves", "table", "pairs", "ranks", "forecast", "runs", "reading"} <= set(page.sections)
    assert "Accuracy of 15 runs: 3 strategies, 5 seeds; 15 not finished" in page.text
    assert "margin, seed 0: 200 labels, accuracy 0.950" in page.text


def test_a_page_runs_nothing_and_fetches_nothing(write_journal: WriteRun, tmp_path: Path) -> None:
    compare(write_journal)
    page = report(tmp_path, pictures=greys)

    assert "script" not in {tag for tag, _ in page.tags}
    policy = next(given["content"] for tag, given in page.tags if given.get("http-equiv") == "Content-Security-Policy")
    assert str(policy).startswith("default-src 'none'")
    for tag, given in page.tags:
        assert not [name for name in given if name.startswith("on")], tag
        for name in ("src", "href"):
            assert (given.get(name) or "#").startswith(("#", "data:")), (tag, given)
    style = (tmp_path / "report.html").read_text().partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_hostile_names_stay_text(write_journal: WriteRun, tmp_path: Path) -> None:
    compare(write_journal, (HOSTILE, "random"), seeds=2)
    for seed in (0, 1):
        write_journal("margin", seed, {20: 0.5, 40: 0.7}, name=f"classes-{seed}", classes=(HOSTILE, "</style>"))
    run = tmp_path / "runs/run0-0"
    write_confusion(run, np.array([[3, 1], [1, 3]]), 200, "test")
    answers = Answers(HOSTILE, 0, (HOSTILE, "b"), [[5, 1], [0, 4]], None)
    write_answers(answers, tmp_path / "truth" / "run0-0.json")
    page = report(tmp_path, runs=9, command=HOSTILE, pictures=lambda record: HOSTILE)

    assert not {"script", "b/"} & {tag for tag, _ in page.tags}
    assert HOSTILE in page.text
    assert [tag for tag, _ in page.tags].count("style") == 1
    assert not any(name.startswith("on") for _, given in page.tags for name in given)
    markdown = (tmp_path / "report.md").read_text()
    assert not re.search(r"(?<!\\)<(script|/style)", markdown)
    widths = {line.count("|") - line.count("\\|") for line in markdown.splitlines() if line.startswith("| strategy")}
    head = next(line for line in markdown.splitlines() if line.startswith("| strategy"))
    row = next(line for line in markdown.splitlines() if line.startswith("| \\<script"))
    assert widths
    assert head.count("|") == row.count("|") - row.count("\\|")


def test_equal_runs_give_equal_files(write_journal: WriteRun, tmp_path: Path) -> None:
    compare(write_journal)
    report(tmp_path, tmp_path / "first", pictures=greys)
    report(tmp_path, tmp_path / "second", pictures=greys)

    names = {path.name for path in (tmp_path / "first").iterdir()}
    assert names == {
        "report.html", "report.md", "report.csv", "report.json", "summary.json", "curves.csv", "curves.png", "curves.svg",
    }  # fmt: skip
    for name in names:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes(), name


def test_several_conditions_are_charts_side_by_side(tmp_path: Path) -> None:
    for noise_, height in (("", 0.9), ("pair:0.2", 0.7)):
        for strategy in ("margin", "random"):
            for seed in range(3):
                curve = {20: height - 0.2, 40: height + 0.01 * seed, 60: height + (strategy == "margin") * 0.05}
                write(tmp_path / f"runs/{strategy}-{seed}-{noise_[:4]}", strategy, seed, curve, noise_)
    page = report(tmp_path)

    charts = [given["aria-label"] for tag, given in page.tags if tag == "svg" and given.get("class") == "chart"]
    assert charts[:2] == ["accuracy over labels of margin, random"] * 2
    assert "noise pair:0.2" in page.text
    assert "Accuracy of 12 runs: 2 strategies, 3 seeds under 2 conditions" in page.text
    assert not (tmp_path / "summary.json").exists()
    with (tmp_path / "curves.csv").open(newline="") as lines:
        assert {line["condition"] for line in csv.DictReader(lines)} == {"no noise", "noise pair:0.2"}
    with (tmp_path / "report.csv").open(newline="") as lines:
        finals = {
            (line["condition"], line["strategy"]): line for line in csv.DictReader(lines) if line["measure"] == "final"
        }
    assert float(finals["noise pair:0.2", "margin"]["value"]) == pytest.approx(0.75)
    assert finals["noise pair:0.2", "margin"]["at"] == "60"


def test_one_run_or_none_measured_is_a_page_too(write_journal: WriteRun, tmp_path: Path) -> None:
    run = write_journal("margin", 0, {10: 0.5, 20: 0.7})
    alone = report(run)
    assert "One seed each." in alone.text
    assert "nan" not in alone.text
    write_journal("random", 0, {}, name="empty")
    nothing = report(tmp_path / "runs/empty")
    assert "Accuracy of 1 run: 1 strategy, 1 seed; 1 not finished" in nothing.text


def test_a_run_in_detail_shows_picks_balance_confusion_errors_time_and_memory(
    write_journal: WriteRun, write_timings: Callable[..., None], tmp_path: Path
) -> None:
    run = write_journal("margin", 0, {10: 0.5, 20: 0.7}, name="a")
    write_timings(
        run, [{"round": 0, "fit_s": 1.5, "measure_s": 0.5, "peak_mb": 412}, {"round": 1, "fit_s": 2.0, "peak_mb": 512}]
    )
    write_confusion(run, np.array([[30, 4], [0, 33]]), 20, "test")
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth/a.jsonl").write_text('{"query": "q0000", "answered": 10, "wrong": 2}\n')
    write_answers(Answers("margin", 0, ("cat", "dog"), [[9, 1], [1, 9]], None), tmp_path / "truth/a.json")
    page = report(tmp_path, pictures=greys)

    assert "Class balance" in page.text
    assert "an entropy of 1.00" in page.text
    assert "Confusion matrix of the last model" in page.text
    assert "not recorded" not in page.text
    assert "Oracle errors: 2 of 10 answers (20.0%)" in page.text
    assert "In all 4.0 s. Peak memory of its process 512 MB" in page.text
    images = [str(given["href"]) for tag, given in page.tags if tag == "image"]
    assert len(images) == 1
    assert images[0].startswith("data:image/webp;base64,")


def test_what_is_not_there_is_said_to_be_missing(write_journal: WriteRun, tmp_path: Path) -> None:
    write_journal("margin", 0, {10: 0.5, 20: 0.7})
    page = report(tmp_path, pictures=lambda record: "no such folder: /data/cats.")

    assert "No pictures of the picks: no such folder: /data/cats." in page.text
    assert "Confusion matrix of the last model: not recorded" in page.text
    assert "Time and memory: not recorded" in page.text
    assert "Picked images" not in page.text


def test_the_first_seed_of_every_line_is_shown_and_the_rest_left_out(write_journal: WriteRun, tmp_path: Path) -> None:
    compare(write_journal)
    found = conditions([tmp_path])

    assert [(record.strategy, record.seed) for _, record in chosen(found, None)] == [
        ("entropy", 0), ("margin", 0), ("random", 0),
    ]  # fmt: skip
    assert [(record.strategy, record.seed) for _, record in chosen(found, 4)][3] == ("entropy", 1)
    assert len(chosen(found, 99)) == 15
    assert chosen(found, 0) == []
    assert "3 runs are shown, and 12 left out" in report(tmp_path, command="activeloop report x --runs 15").text


def test_the_pictures_of_a_run_are_bounded_whatever_they_show(write_journal: WriteRun, tmp_path: Path) -> None:
    write_journal("margin", 0, dict.fromkeys(range(25, 1000, 25), 0.5))
    page = report(tmp_path, pictures=noise)

    (image,) = [str(given["href"]) for tag, given in page.tags if tag == "image"]
    assert len(image) < 4 * MOST_BYTES  # of pure noise, which nothing packs; and by base64 a third longer
    assert f"Shown: {DOWN} of 39 rounds, the first {ACROSS} of up to 25 picks" in page.text


def test_evenly_keeps_both_ends() -> None:
    assert evenly(range(100), 4) == [0, 33, 66, 99]
    assert evenly([1, 2], 4) == [1, 2]


def test_many_classes_become_their_worst_pairs(write_journal: WriteRun, tmp_path: Path) -> None:
    classes = [f"c{at}" for at in range(100)]
    run = write_journal("margin", 0, {10: 0.5}, classes=classes)
    counts = np.eye(100, dtype=np.int64)
    counts[7, 8] = 3
    write_confusion(run, counts, 10, "validation")
    page = report(tmp_path)

    assert "Confusion matrix of the last model on the validation labels: the most frequent of 100 classes" in page.text
    assert "75.0%" in page.text
    assert "of 100 classes; 98 have none" in page.text


def test_labels_are_counted_to_every_target(write_journal: WriteRun, tmp_path: Path) -> None:
    compare(write_journal)
    page = report(tmp_path, targets=(0.8, 0.9))

    assert "labels to 0.8" in page.text
    assert "labels to 0.9" in page.text
    assert json.loads((tmp_path / "report.json").read_text())["target"] == 0.8


def test_a_metric_of_which_less_is_better_says_so(write_journal: WriteRun, tmp_path: Path) -> None:
    compare(write_journal)

    assert "Less is better" in report(tmp_path, metric="loss", targets=(0.2,)).text


def write(folder: Path, strategy: str, seed: int, curve: Curve, noise: str) -> None:
    with Journal(folder) as journal:
        for event in events(strategy, seed, curve):
            if event["event"] == "opened":
                config = dict(event["config"])  # type: ignore[call-overload]
                event = {**event, "config": {**config, "oracle": {"name": "simulated", "noise": noise}}}
            journal.append(event)  # type: ignore[arg-type]


def test_runs_that_failed_are_named_with_their_reason(write_journal: WriteRun, tmp_path: Path) -> None:
    compare(write_journal, seeds=2)
    note(tmp_path / "runs/run0-1", f"Traceback\n  in {HOSTILE}\nRuntimeError: no such {HOSTILE}")
    page = report(tmp_path)

    assert f"1 run failed, and count as far as they are:run0-1: RuntimeError: no such {HOSTILE}" in page.text.replace(
        "\n", ""
    )
    note(tmp_path / "runs/run0-1", None)
    assert "failed" not in report(tmp_path).text
