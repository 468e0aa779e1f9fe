"""Rows are called by the number that they have in their owner's data, in every file and on every screen."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from activeloop.cli.main import main
from activeloop.data.sources import load

TRUTH = load_digits().target


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_query_answered_by_source_numbers_comes_back_as_right_labels(tmp_path: Path) -> None:
    """digits holds a test set out of its 1,797 rows, so that the pool's own numbers would mean other images."""
    run = tmp_path / "run"
    begin = ["run", "--people", "--budget", "30", "--out", str(run), "--set", "learner.options.steps=5"]
    assert main(begin) == 3
    query = run / "queries/q0000.csv"
    told = [{**line, "label": TRUTH[int(line["row"])]} for line in lines(query)]
    assert max(int(line["row"]) for line in told) > 1437
    with query.open("w", newline="") as file:
        table = csv.DictWriter(file, ["row", "label"])
        table.writeheader()
        table.writerows(told)

    assert main(["tell", str(run), "q0000", str(query)]) == 0
    assert main(["export", str(run), "--labels-only"]) == 0

    known = load("digits", labels=run / "export/labels.csv")
    assert known.known is not None
    assert known.truth is not None
    held = np.flatnonzero(known.known >= 0)
    assert len(held) == 20
    assert (known.known[held] == known.truth[held]).all()
