from __future__ import annotations

from pathlib import Path

from .conftest import QUICK, Cli


def test_the_plan_is_shown_room_by_room_and_nothing_is_written(cli: Cli, tmp_path: Path) -> None:
    said = cli("explain", "--strategy", "bald", "--net", "mlp", "--start", "k-center")

    assert said.code == 0
    rooms = [line.split()[0] for line in said.out.splitlines()[1:]]
    assert rooms == ["pool", "start", "start", "fit", "look", "pick", "10", "time:", "memory:"]
    assert "[1438, 20, 10]" in said.out
    assert not list(tmp_path.iterdir())


def test_a_learner_without_steps_gets_no_estimate(cli: Cli) -> None:
    assert "no estimate for the learner sklearn:" in cli("explain", *QUICK).out


def test_what_a_run_would_refuse_explain_refuses(cli: Cli) -> None:
    assert "did you mean 'entropy'" in cli("explain", "--strategy", "entrpy").err
    assert "no oracle or noise is called '0.1'" in cli("explain", "--noise", "0.1").err
    assert "cannot be read" in cli("explain", "--start", "rows:none.csv").err
