"""Every acquisition function of the catalogue, and every bridged one, through the command that users compare them by."""

from __future__ import annotations

from pathlib import Path

import pytest

from activeloop import catalogue
from activeloop.bridges import baal, modal
from activeloop.cli.main import DONE, main
from activeloop.report.curves import read_records

NAMES = (
    *catalogue.ACQUISITIONS, *(f"baal:{name}" for name in baal.HEURISTICS), *(f"modal:{name}" for name in modal.NAMES)
)  # fmt: skip
QUICK = (
    "--net", "mlp", "--initial", "20", "--budget", "40", "--query", "10", "--seeds", "1",
    "--set", "learner.options.steps=60", "--set", "evidence.samples.passes=4", "--set", "evidence.early.models=2",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_acquisition_function_runs_through_compare(tmp_path: Path) -> None:
    assert main(["compare", "--strategies", ",".join(NAMES), *QUICK, "--out", str(tmp_path)]) == DONE

    records = read_records(tmp_path)
    assert {record.strategy for record in records} == set(NAMES)
    assert {record.state.told for record in records} == {40}
    assert all(len(record.state.measures) == 3 for record in records)
    picked = {record.strategy: tuple(record.state.queries[-1].rows) for record in records}
    assert len(set(picked.values())) > len(NAMES) / 2, "strategies differ in what they pick"
