"""Everything that is written about a comparison folder."""

from __future__ import annotations

from pathlib import Path

from activeloop.report.conditions import Condition
from activeloop.report.curves import by_cost, features_seen, points_of, read_records, write_csv
from activeloop.report.images import Images
from activeloop.report.panels import panel
from activeloop.report.plot import draw
from activeloop.report.summary import Summary, summarise, write_json
from activeloop.report.tensorboard import write_all


def write_report(
    out: Path | str,
    metric: str = "accuracy",
    target: float = 0.9,
    baseline: str = "random",
    images: Images | None = None,
    x: str = "labels",
) -> Summary:
    """Write curves.csv, summary.json, curves.png and tb/ into `out`, from its journals as they are now.

    May be called at any time and again: unfinished runs count as far as they got, and what TensorBoard shows already
    stays. `out` holds runs/<name>/, or is itself a run.
    images: as in `write_run`.    x: "labels", or "cost", of which the files are called after it and TensorBoard, whose
    steps are labels, shows no means.
    raises: ConfigError where an answer has no cost.
    """
    out = Path(out)
    records = read_records(out)
    points = points_of(records) if x == "labels" else by_cost(records)
    summary = summarise(points, metric, target, baseline, features_seen(records), x)
    by = "" if x == "labels" else f"-by-{x}"
    write_csv(points, out / f"curves{by}.csv", x)
    write_json(summary, out / f"summary{by}.json")
    draw([panel("", summary, points)], [out / f"curves{by}.png"])
    write_all(out / "tb", [Condition("", {}, records)], [summary], images)
    return summary
