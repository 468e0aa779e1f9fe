"""An annotator with a memory is a fold over the journal: killed anywhere, the run ends with the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from activeloop.cli.oracle import oracle_for
from activeloop.cli.reference import stand_in
from activeloop.cli.simulation import until_done
from activeloop.config import Config
from activeloop.errors import ConfigError
from activeloop.run import Run
from activeloop.store.journal import read
from activeloop.types import Loaded

Configure = Callable[..., Config]

STACKS = {
    "noise": '["symmetric:0.3"]',
    "tired": '["tired:5"]',
    "tired for long": '[{kind="tired", half_life=5, sitting=25}]',
    "habituated, then a gambler": '[{kind="habituated", most=0.9, window=10}, {kind="gambler", last=2, rate=0.5}]',
    "anchored": '["symmetric:0.3", "anchored:0.7"]',
    "a gambler who is anchored": '["anchored:0.7", {kind="gambler", last=2, rate=0.5}, {kind="costly", each=0.1}]',
    "in parts": '[{kind="gambler", last=2, rate=0.5}, {kind="delayed", collects=3, least=0}, "named:anna", "costly:1"]',
    "in parts inside": '[{kind="delayed", collects=3, least=0}, {kind="gambler", last=2, rate=0.5}, "costly:1"]',
    "a panel": '["tired:9", {kind="panel", annotators=["pair:0.3", ["symmetric:0.3", "gambler:2"], "anchored:0.5"], least=2}]',
    "a panel in parts": '[{kind="delayed", collects=2, least=0}, "pair:0.3", {kind="gambler", last=2, rate=0.5},'
    ' {kind="panel", annotators=4, least=2, cap=3, rule="dawid-skene"}]',
    "skips": '["abstaining:0.2", {kind="gambler", last=2, rate=0.5}]',
}


def finish(folder: Path, config: Config, data: Loaded) -> bytes:
    with Run(folder, config, data.data, data.test) as run:
        list(until_done(run, oracle_for(config, data, stand_in(data))))
    return (folder / "journal.jsonl").read_bytes()


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_a_run_cut_in_many_places_ends_the_same(tmp_path: Path, quick: Configure, digits: Loaded, stack: str) -> None:
    config = quick(f"oracle={stack}", "budget=60")
    whole = finish(tmp_path / "whole", config, digits)
    lines = whole.splitlines(keepends=True)

    for kept in range(1, len(lines), 1 + len(lines) // 8):
        folder = tmp_path / f"cut-{kept}"
        folder.mkdir()
        (folder / "journal.jsonl").write_bytes(b"".join(lines[:kept]) + lines[kept][: len(lines[kept]) // 2])
        assert finish(folder, config, digits) == whole, f"cut after event {kept}"


def test_the_stacks_err_and_the_answers_of_some_come_in_parts(tmp_path: Path, quick: Configure, digits: Loaded) -> None:
    """Or the law above would hold of nothing."""
    assert digits.truth is not None
    for name, stack in STACKS.items():
        finish(tmp_path / name, quick(f"oracle={stack}", "budget=60"), digits)
        events = list(read(tmp_path / name / "journal.jsonl"))
        told = {
            int(row): label for event in events if event["event"] == "told" for row, label in event["answers"].items()
        }  # type: ignore[union-attr]
        asked = sum(event["event"] == "asked" for event in events)

        assert np.mean([digits.truth[row] != label for row, label in told.items()]) > 0.05, name
        assert (sum(event["event"] == "told" for event in events) > asked) == (name.startswith("in parts"))
        assert (sum(event["event"] == "guessed" for event in events) == asked - 1) == ("anchored" in stack)


def test_an_oracle_that_waits_for_what_cannot_come_is_refused(tmp_path: Path, quick: Configure, digits: Loaded) -> None:
    with pytest.raises(ConfigError, match="has kept q0000 waiting for 1,000 collects"):
        finish(tmp_path, quick('oracle=[{kind="delayed", collects=0, tickets=1}]'), digits)
