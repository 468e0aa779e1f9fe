from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from activeloop import catalogue
from activeloop.cli.oracle import in_words, oracle_for
from activeloop.cli.reference import computed, out_of_fold, stand_in
from activeloop.config import as_json, build, configure, fingerprint, load
from activeloop.errors import ConfigError, UnknownName
from activeloop.rng import derive
from activeloop.types import Loaded, Oracle
from oracles import Noisy, Simulated, pair, symmetric


def told(oracle: Oracle, rows: range = range(200)) -> dict[int, int]:
    oracle.post("q0000", rows)
    return dict(oracle.collect("q0000"))


def test_noise_is_written_as_kind_and_rate_and_draws_as_it_always_did(digits: Loaded) -> None:
    assert digits.truth is not None
    config = load(None, ["oracle.noise=pair:0.3", "seed=4"])

    ours = Noisy(Simulated(digits.truth), pair(0.3, 10), derive(4, 0, "noise"))
    assert told(oracle_for(config, digits, stand_in(digits))) == told(ours)


def test_stages_are_read_from_inside_out_as_tables_or_texts(tmp_path: Path, digits: Loaded) -> None:
    assert digits.truth is not None
    (tmp_path / "list.toml").write_text('oracle = ["symmetric:0.2", {kind = "pair", rate = 1.0}]')
    (tmp_path / "tables.toml").write_text(
        '[[oracle]]\nkind = "symmetric"\nrate = 0.2\n[[oracle]]\nkind = "pair"\nrate = 1'
    )
    ours = Noisy(
        Noisy(Simulated(digits.truth), symmetric(0.2, 10), derive(0, 0, "oracle 0")),
        pair(1, 10),
        derive(0, 0, "oracle 1"),
    )

    for name in ("list", "tables"):
        config = load(tmp_path / f"{name}.toml", ["budget=100"])
        assert told(oracle_for(config, digits, stand_in(digits))) == told(ours)
        assert build(as_json(config)) == config
    assert in_words(load(tmp_path / "list.toml").oracle) == "symmetric:0.2, then pair (rate 1.0)"
    assert in_words(load(None).oracle) == "no noise"


def test_stages_are_set_on_the_command_line_and_noise_goes_around_them(digits: Loaded) -> None:
    config = load(None, ['oracle=["symmetric:0.2"]', "oracle.noise=pair:1"])

    assert config.oracle.stages == ("symmetric:0.2",)
    assert in_words(config.oracle) == "symmetric:0.2, then pair:1"
    assert configure(oracle=["symmetric:0.2"], seed=1).oracle.stages == ("symmetric:0.2",)


def test_a_configuration_without_stages_has_the_fingerprint_that_it_had_before_there_were_any() -> None:
    assert "stages" not in as_json(load(None))["oracle"]  # type: ignore[operator]
    assert fingerprint(load(None)) != fingerprint(load(None, ['oracle=["pair:0.1"]']))


@pytest.mark.parametrize("kind", ["instance", "confusable"])
@pytest.mark.parametrize("rate", [0.1, 0.4])
def test_noise_by_row_is_computed_from_the_pool_and_errs_at_its_rate(
    tmp_path: Path, digits: Loaded, kind: str, rate: float
) -> None:
    assert digits.truth is not None
    config, rows = load(None, [f"oracle.noise={kind}:{rate}"]), range(len(digits.data))
    first, again = (
        told(oracle_for(config, digits, computed(digits, tmp_path / name, tmp_path / "cache")), rows)
        for name in ("truth", "truth")
    )

    wrong = np.mean([digits.truth[row] != label for row, label in first.items()])
    assert abs(wrong - rate) < 3 * np.sqrt(rate * (1 - rate) / len(rows))
    assert first == again
    assert list((tmp_path / "truth").glob("*.npz")) or kind == "instance"


def test_confusable_rows_are_taken_for_what_they_look_like(tmp_path: Path, digits: Loaded) -> None:
    """Of a digit's errors most go to few classes; symmetric noise spreads them."""
    assert digits.truth is not None
    probs = computed(digits, tmp_path, tmp_path)("probs")
    assert (probs.argmax(axis=1) == digits.truth).mean() > 0.9

    said = told(oracle_for(load(None, ["oracle.noise=confusable:0.2"]), digits, computed(digits, tmp_path, tmp_path)),
                range(len(digits.data)))  # fmt: skip
    eights = [label for row, label in said.items() if digits.truth[row] == 8 and label != 8]
    assert np.bincount(eights).max() > 2 / 9 * len(eights)


def test_out_of_fold_predictions_never_saw_their_own_label() -> None:
    features = np.random.default_rng(0).standard_normal((200, 3))
    labels = np.random.default_rng(1).integers(0, 2, 200)
    flipped = labels.copy()
    flipped[7] = 1 - flipped[7]

    np.testing.assert_array_equal(out_of_fold(features, labels, 3)[7], out_of_fold(features, flipped, 3)[7])
    np.testing.assert_allclose(out_of_fold(features, labels, 3).sum(axis=1), 1)
    np.testing.assert_allclose(out_of_fold(features, np.full(200, -1), 3), 1 / 3)


# every kind that there is, as it may be written
KINDS = {
    "simulated": '"simulated"', "recorded": '"recorded:{folder}/said.npz"', "symmetric": '"symmetric:0.3"',
    "pair": '"pair:0.3"', "asymmetric": '{{kind="asymmetric", rate=0.6, mapping={{"3"=5, "8"=9}}}}',
    "transition": '"transition:{folder}/T.npy"', "instance": '"instance:0.3"', "confusable": '"confusable:0.3"',
    "tired": '"tired:20"', "habituated": '"habituated:0.9"', "gambler": '{{kind="gambler", last=3, rate=0.5}}',
    "anchored": '"anchored:0.5"', "overconfident": '"overconfident:0.8"', "underconfident": '"underconfident:0.8"',
    "abstaining": '"abstaining:0.2"', "delayed": '"delayed:0"', "costly": '"costly:2"', "named": '"named:anna"',
    "panel": '{{kind="panel", annotators=["pair:0.3", "pair:0.3", "gambler:2"], least=2}}',
}  # fmt: skip


@pytest.mark.parametrize("kind", catalogue.ORACLES)
def test_every_kind_answers_the_same_again_and_after_a_restart_and_passes_skips_on(
    tmp_path: Path, digits: Loaded, kind: str
) -> None:
    assert digits.truth is not None
    truth = digits.truth.copy()
    truth[3] = -2
    data = replace(digits, truth=truth)
    whole = np.full(1797, -1)
    whole[digits.data.source_rows] = truth  # type: ignore[index]
    np.savez(tmp_path / "said.npz", anna=whole)
    np.save(tmp_path / "T.npy", pair(0.4, 10))
    config = load(None, [f"oracle=[{KINDS[kind].format(folder=tmp_path)}]"])
    guesses = {row: (row * 7) % 10 for row in range(30)}

    def made() -> Oracle:
        oracle = oracle_for(config, data, stand_in(data))
        for ticket, rows in (("q0", range(30)), ("q1", range(30, 60)), ("q0", range(30))):
            oracle.post(ticket, rows, guesses if ticket == "q0" else None)
        return oracle

    first, again = made(), made()
    answers = {ticket: dict(first.collect(ticket)) for ticket in ("q0", "q1")}
    assert {ticket: dict(again.collect(ticket)) for ticket in ("q1", "q0")} == answers
    assert {ticket: dict(first.collect(ticket)) for ticket in ("q0", "q1")} == answers
    assert [set(each) for each in answers.values()] == [set(range(30)), set(range(30, 60))]
    assert answers["q0"][3] == -2
    assert all(label == -2 or 0 <= label < 10 for each in answers.values() for label in each.values())
    quiet = {"simulated", "recorded", "overconfident", "underconfident", "delayed", "costly", "named"}
    assert any(label != truth[row] for each in answers.values() for row, label in each.items()) == (kind not in quiet)
    json.dumps(list(getattr(first, "notes", lambda ticket: {})("q0").values()), allow_nan=False)


def test_annotators_of_a_panel_stand_on_what_is_inside_each_with_chance_of_their_own(digits: Loaded) -> None:
    config = load(None, ['oracle=["symmetric:0.4", {kind="panel", annotators=3}]'])
    oracle = oracle_for(config, digits, stand_in(digits))
    told(oracle)
    answers = [[one["label"] for one in note["answers"]] for note in oracle.notes("q0000").values()]  # type: ignore[attr-defined]
    wrong = np.array(answers) != digits.truth[:200, None]  # type: ignore[index]

    assert (np.abs(wrong.mean(axis=0) - 0.4) < 3 * np.sqrt(0.4 * 0.6 / 200)).all()
    assert (np.abs(np.corrcoef(wrong.T) - np.eye(3)) < 0.25).all()


def test_recorded_answers_are_read_by_the_rows_of_the_pool(tmp_path: Path, digits: Loaded) -> None:
    from sklearn.datasets import load_digits

    whole = load_digits().target
    np.savez(tmp_path / "r.npz", anna=(whole + 1) % 10, ben=whole)
    config = load(None, [f'oracle=["recorded:{tmp_path}/r.npz"]'])
    oracle = oracle_for(config, digits, stand_in(digits))

    assert told(oracle) == {row: (int(digits.truth[row]) + 1) % 10 for row in range(200)}  # type: ignore[index]
    panel = f'oracle=[{{kind="recorded", path="{tmp_path}/r.npz", columns=["ben"]}}]'
    assert told(oracle_for(load(None, [panel]), digits, stand_in(digits)))[7] == digits.truth[7]  # type: ignore[index]


@pytest.mark.parametrize(
    ("stages", "error", "message"),
    [
        ('["symetric:0.2"]', UnknownName, "no oracle or noise is called 'symetric'; did you mean 'symmetric'?"),
        ('[{kind="symetric", rate=0.2}]', UnknownName, "no oracle is called 'symetric'; did you mean 'symmetric'?"),
        ("[{rate=0.2}]", ConfigError, "needs its `kind`"),
        ("[3]", ConfigError, "a stage of the oracle is 3; it is a table"),
        ('["symmetric"]', ConfigError, "oracle 'symmetric' needs the option 'rate': write symmetric:RATE"),
        ('["symmetric:much"]', ConfigError, "option 'rate' of oracle 'symmetric' is 'much'; it takes a number"),
        ('[{kind="symmetric", rte=0.2}]', ConfigError, "'symmetric' has no option 'rte'; did you mean 'rate'?"),
        ('["symmetric:1.5"]', ConfigError, "oracle 'symmetric': the noise rate is 1.5; it is a fraction"),
        ('["asymmetric:0.2"]', ConfigError, "has a map for CIFAR-10 alone"),
        ('["pair:0.2", "simulated"]', ConfigError, "'simulated' answers by itself, so it stands first"),
        ('["tired"]', ConfigError, "oracle 'tired' needs the option 'half_life': write tired:HALF_LIFE"),
        (
            '[{kind="tired", half_life=9, sitting=0.5}]',
            ConfigError,
            "'sitting' of oracle 'tired' is 0.5; it takes a whole",
        ),
        ('["abstaining:2"]', ConfigError, "oracle 'abstaining': the rate of skips is 2.0; it must be between 0 and 1"),
        ('["overconfident:much"]', ConfigError, "oracle 'overconfident': could not convert string to float: 'much'"),
        (
            '[{kind="panel", annotators=0}]',
            ConfigError,
            "option 'annotators' of 'panel' is 0; it takes how many there are",
        ),
        ('[{kind="panel", annotators=["par:0.1"]}]', UnknownName, "is called 'par'; did you mean 'pair'?"),
        ('[{kind="panel", rule="best"}]', ConfigError, "the rule of a panel is 'best'"),
        ('["recorded:nowhere.csv"]', ConfigError, "oracle 'recorded': nowhere.csv cannot be read"),
        ('["transition:nowhere.npy"]', ConfigError, "nowhere.npy cannot be read"),
    ],
)
def test_a_stage_that_cannot_be_is_refused_with_what_is_allowed(
    digits: Loaded, stages: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as refused:
        oracle_for(load(None, [f"oracle={stages}"]), digits, stand_in(digits))

    assert message in str(refused.value)
