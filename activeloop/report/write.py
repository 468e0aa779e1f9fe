"""Everything that is written about finished or running runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from activeloop.report.conditions import Condition, conditions
from activeloop.report.images import Images
from activeloop.report.page.sheets import Pictures
from activeloop.report.page.write import write_page
from activeloop.report.study import Study
from activeloop.report.tensorboard import write_all

ONE_CHART = ("start", "evidence")  # what makes lines of one chart in a comparison, as strategies do


def write_report(
    out: Path | str,
    metric: str = "accuracy",
    targets: Sequence[float] = (0.9,),
    baseline: str = "random",
    x: str = "labels",
    *,
    found: Sequence[Condition] | None = None,
    images: Images | None = None,
    pictures: Pictures | None = None,
    runs: int | None = None,
    command: str = "",
) -> Study:
    """Write report.html, its figures as files, and tb/ into `out`, from the journals as they are now.

    May be called at any time and again: unfinished runs count as far as they got, and what TensorBoard shows already
    stays. See `write_page` for the files and the rest of the arguments.
    found: which runs; those in `out`, which holds runs/<name>/ or is itself a run, unless told otherwise.
    images: as in `write_run`, for TensorBoard.    x: "labels", or "cost", which TensorBoard shows no means of.
    raises: ConfigError where an answer has no cost.
    """
    out = Path(out)
    found = conditions([out], ONE_CHART) if found is None else found
    study = write_page(found, out, metric, targets, baseline, x, runs, pictures, command)
    write_all(out / "tb", found, study.summaries, images)
    return study
