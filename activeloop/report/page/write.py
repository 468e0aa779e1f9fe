"""Everything that `activeloop report` writes of some runs, from their files alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from activeloop.report.answers import Answers, read_answers_of
from activeloop.report.conditions import Condition
from activeloop.report.curves import Record, by_cost, points_of, write_csv
from activeloop.report.files import replace_bytes
from activeloop.report.page.content import Material, of_condition, sections, subtitle
from activeloop.report.page.html import html
from activeloop.report.page.markdown import markdown
from activeloop.report.page.runs import run_details
from activeloop.report.page.sheets import Pictures
from activeloop.report.page.tidy import write_conditions, write_numbers
from activeloop.report.panels import panel
from activeloop.report.plot import draw
from activeloop.report.study import Study, study, write_study
from activeloop.report.summary import write_json

MOST_RUNS = 12  # in detail, unless more are asked for: some 40 kB each


def write_page(
    conditions: Sequence[Condition],
    to: Path,
    metric: str = "accuracy",
    targets: Sequence[float] = (0.9,),
    baseline: str = "random",
    x: str = "labels",
    runs: int | None = None,
    pictures: Pictures | None = None,
    command: str = "",
) -> Study:
    """Write report.html, report.md, report.json, report.csv and the curves as CSV, PNG and SVG into `to`.

    May be called at any time and again: unfinished runs count as far as they got, and equal runs give equal files. With one
    condition summary.json is written too; where x is "cost" all files are called after it.
    targets: the first is what sentences and forecasts are about.    runs: how many to show in detail; None is one of each
    strategy and condition, at most twelve.    pictures: None leaves the picked images out.    command: that shows all.
    raises: ConfigError where x is "cost" and an answer has none.
    """
    of = study(conditions, metric, targets[0], baseline, x, targets[1:])
    points = [points_of(each.records) if x == "labels" else by_cost(each.records) for each in conditions]
    panels = [panel(one.name, one.summary, some) for one, some in zip(of.conditions, points, strict=True)]
    by = "" if x == "labels" else f"-by-{x}"
    png = to / f"curves{by}.png"
    draw(panels, (png, png.with_suffix(".svg")), [key for one in of.conditions for key in one.settings])
    if len(conditions) == 1:
        write_csv(points[0], png.with_suffix(".csv"), x)
        write_json(of.conditions[0].summary, to / f"summary{by}.json")
    else:
        names = (each.name for each in conditions)
        write_conditions(tuple(zip(names, points, strict=True)), png.with_suffix(".csv"), x)
    records = [record for each in conditions for record in each.records]
    shown = chosen(conditions, runs)
    given = Material(
        study=of,
        panels=panels,
        records=records,
        answers={each.name: found for each in conditions if (found := _answers(each))},
        details=[run_details(record, name, metric, pictures) for name, record in shown],
        left_out=len(records) - len(shown),
        command=command,
        curves_file=png.name,
    )
    content, said = sections(given), subtitle(given)
    files = (
        f"The same figures: report{by}.md, report{by}.csv, report{by}.json, curves{by}.csv, {png.name}, curves{by}.svg."
    )
    names_of = list(dict.fromkeys(each.strategy for one in of.conditions for each in one.summary.strategies))
    page = to / f"report{by}.html"
    replace_bytes(page, html(content, said, files, names_of, baseline).encode())
    replace_bytes(page.with_suffix(".md"), markdown(content, said, files, png.name).encode())
    write_numbers(of, page.with_suffix(".csv"))
    write_study(of, page.with_suffix(".json"))
    return of


def chosen(conditions: Sequence[Condition], runs: int | None) -> list[tuple[str, Record]]:
    """The runs to show in detail, with their conditions: the first seed of every strategy and condition, then the second …"""
    lines: dict[tuple[str, str], list[tuple[str, Record]]] = {}
    for each in conditions:
        for record in each.records:
            lines.setdefault((each.name, record.strategy), []).append((each.name, record))
    ranked = [found for turn in zip_longest(*lines.values()) for found in turn if found is not None]
    return ranked[: min(len(lines), MOST_RUNS) if runs is None else runs]


def _answers(condition: Condition) -> list[Answers]:
    pairs = [
        (found, record) for record in condition.records if (found := read_answers_of(record.folder)[0]) is not None
    ]
    return of_condition([found for found, _ in pairs], [record for _, record in pairs])
