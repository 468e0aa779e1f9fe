from __future__ import annotations

from pathlib import Path

import pytest

from activeloop.config import Config, as_json, build, fingerprint, load
from activeloop.errors import ConfigError


def test_a_file_and_sets_give_one_configuration_and_later_sets_win(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('budget = 300\n[acquire]\nstrategy = "bald"\n[evidence.samples]\npasses = 5\n')

    config = load(
        file, ["acquire.strategy=margin", "acquire.strategy=entropy", "stop.target=0.9", "learner.options.net=mlp"]
    )

    assert (config.budget, config.acquire.strategy, config.stop.target) == (300, "entropy", 0.9)
    assert config.evidence == {"samples": {"passes": 5}}
    assert config.learner.options == {"net": "mlp"}


def test_json_and_back_is_the_same_configuration() -> None:
    config = load(None, ["data.augment=['crop', 'flip']", "acquire.options.k=3", "stop.target=1"])

    assert build(as_json(config)) == config
    assert fingerprint(build(as_json(config))) == fingerprint(config)


def test_the_fingerprint_changes_with_what_changes_results_and_not_with_where_files_lie() -> None:
    plain = fingerprint(Config())

    assert fingerprint(load(None, ["seed=1"])) != plain
    assert fingerprint(load(None, ["threads=2"])) != plain
    assert fingerprint(load(None, ["data.cache=/elsewhere", "data.source=/moved.npz"])) == plain


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("budgt=3", "no setting is called 'budgt'; did you mean 'budget'"),
        ("acquire.stratgy=x", "'acquire.stratgy'; did you mean 'strategy'"),
        ("budget=many", "budget is 'many'; it takes int"),
        ("budget=0", "budget is 0; it must be 1 or more"),
        ("budget=true", "budget is True; it takes int"),
        ("acquire.pick=best", "acquire.pick is 'best'; allowed are 'top', 'power', 'softmax'"),
        ("acquire=top", "acquire is 'top'; it is a table"),
        ("budget.x=1", "'budget' is a value, not a table"),
        ("budget", "not of the form key=value"),
        ("start.size=201", "the start takes 201 labels.*more than the budget of 200"),
        ("query=0", "query is 0; it must be 1 or more"),
        ("stop.metric=acuracy", "stop.metric is 'acuracy'; allowed are 'accuracy', 'balanced_accuracy'"),
        ("evidence.samples=3", "evidence.samples is 3; it takes dict"),
        ("candidates=5", "candidates is 5, fewer than the rows picked at a time"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(entry: str, message: str) -> None:
    sets = ["budget=5", entry] if entry == "budget.x=1" else [entry]

    with pytest.raises(ConfigError, match=message):
        load(None, sets)


def test_a_setting_that_json_cannot_hold_is_refused() -> None:
    for entry in ("acquire.beta=inf", "stop.target=nan"):
        with pytest.raises(ConfigError, match="cannot be kept in the journal.*finite numbers"):
            fingerprint(load(None, [entry]))


def test_a_missing_file_and_one_that_is_not_toml_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("budget = = 3")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match="no configuration at"):
        load(tmp_path / "none.toml")
    for name in ("bad.toml", "binary.toml"):
        with pytest.raises(ConfigError, match="is not TOML"):
            load(tmp_path / name)


def test_lockstep_changes_the_fingerprint_and_runs_without_it_keep_theirs() -> None:
    plain, together = build({}), build({"lockstep": True})

    assert "lockstep" not in as_json(plain)
    assert as_json(together)["lockstep"] is True
    assert fingerprint(plain) != fingerprint(together)
    assert build(as_json(together)) == together


@pytest.mark.parametrize("more", [{"threads": 2}, {"device": "cuda"}])
def test_lockstep_is_refused_where_company_would_change_a_run(more: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="only on one thread of a CPU.*threads=1 and device='cpu'"):
        build({"lockstep": True, **more})
