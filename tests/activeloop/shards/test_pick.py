from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from activeloop import predictions
from activeloop.config import AcquireConfig
from activeloop.errors import BadScores, ConfigError, MissingEvidence
from activeloop.shards.pick import picks
from activeloop.shards.tables import open_table

N = 120


def probs(*shape: int, tied: bool = False, seed: int = 0) -> np.ndarray:
    """Probabilities; in tenths, so that many rows tie, or all different."""
    chance = np.random.default_rng(seed)
    found = chance.dirichlet(np.ones(shape[-1]), shape[:-1])
    return ((chance.multinomial(10, found) / 10) if tied else found).astype(np.float32)


def states(rows: int = N, seed: int = 0) -> np.ndarray:
    labels, order = np.full(rows, -1), np.random.default_rng(seed).permutation(rows)
    labels[order[:20]], labels[order[20:40]] = 1, -2
    return labels


@pytest.mark.parametrize("rows", [1, 50, N, 1000])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("pick", ["top", "power", "softmax", "softrank"])
def test_picks_are_those_of_one_machine_in_their_order_with_ties_too(
    tmp_path: Path, rows: int, tied: bool, pick: str
) -> None:
    arrays = {"probs": probs(N, 4, tied=tied)}
    np.save(tmp_path / "P.npy", arrays["probs"])
    tables = {"probs": open_table(tmp_path / "P.npy")}
    for n in (1, 30, 75):
        for labels in (None, states()):
            how = AcquireConfig(pick=pick, shift=1.0)  # type: ignore[arg-type]
            expected = predictions.picks("margin", arrays, n, labels=labels, how=how, seed=5).tolist()
            found = picks("margin", tables, n, labels=labels, how=how, seed=5, rows=rows).tolist()
            assert found == expected
    assert (len(np.unique(predictions.score("margin", arrays))) < N / 2) == tied


@pytest.mark.parametrize("strategy", ["bald", "variation-ratio", "epig"])
def test_evidence_of_several_kinds_is_read_range_by_range(tmp_path: Path, strategy: str) -> None:
    arrays = {"samples": probs(N, 5, 3), "targets": probs(20, 5, 3, seed=1)}
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    wanted = ("samples", "targets") if strategy == "epig" else ("samples",)
    tables = {name: open_table(tmp_path / f"{name}.npy") for name in wanted}

    expected = predictions.picks(strategy, {name: arrays[name] for name in wanted}, 25).tolist()
    assert picks(strategy, tables, 25, rows=64).tolist() == expected


def test_scores_are_kept_shard_by_shard_and_not_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = {"probs": probs(N, 4)}
    np.save(tmp_path / "P.npy", arrays["probs"])
    tables = {"probs": open_table(tmp_path / "P.npy")}
    first = picks("entropy", tables, 9, rows=64, scores=tmp_path / "S").tolist()
    kept = open_table(tmp_path / "S")

    np.testing.assert_array_equal(kept.read(slice(0, N)), predictions.score("entropy", arrays))
    monkeypatch.setattr("activeloop.shards.pick._scores", None)  # what would compute them
    assert picks("entropy", tables, 9, rows=64, scores=tmp_path / "S").tolist() == first
    assert picks("entropy", tables, 9, labels=states(), rows=64, scores=tmp_path / "S").tolist() != first
    with pytest.raises(ConfigError, match="holds shards of other data or settings .scores of entropy."):
        picks("margin", tables, 9, rows=64, scores=tmp_path / "S")


@pytest.mark.parametrize("held", [False, True])
def test_k_center_over_shards_is_that_of_one_machine_with_as_many(tmp_path: Path, held: bool) -> None:
    features = np.random.default_rng(0).normal(size=(N, 3)).astype(np.float16)
    np.save(tmp_path / "F.npy", features)
    tables, labels = {"features": open_table(tmp_path / "F.npy")}, states() if held else None
    for shards in (1, 4, 7):
        options = {"shards": shards, "spare": 1.5}
        expected = predictions.picks("k-center-sharded", {"features": features}, 30, labels=labels, options=options)
        found = picks("k-center-sharded", tables, 30, labels=labels, options=options)
        by_rows = picks("k-center-sharded", tables, 30, labels=labels, options={"spare": 1.5}, rows=-(-N // shards))
        assert found.tolist() == expected.tolist() == by_rows.tolist()
    plain = predictions.picks("k-center", {"features": features}, 30, labels=labels).tolist()
    assert picks("k-center-sharded", tables, 30, labels=labels).tolist() == plain  # one shard holds them all


def test_shards_may_be_seen_in_any_order(tmp_path: Path) -> None:
    np.save(tmp_path / "P.npy", probs(N, 4, tied=True))
    np.save(tmp_path / "F.npy", np.random.default_rng(0).normal(size=(N, 3)).astype(np.float32))
    tables = {"probs": open_table(tmp_path / "P.npy")}
    features = {"features": open_table(tmp_path / "F.npy")}

    def backwards(work, items, *, threads=1, shared=None):  # type: ignore[no-untyped-def]
        return map(work, reversed(items))

    for strategy, evidence in (("margin", tables), ("k-center-sharded", features)):
        here = picks(strategy, evidence, 40, rows=32).tolist()
        assert picks(strategy, evidence, 40, rows=32, engine=backwards).tolist() == here


def test_what_does_not_fit_is_refused_with_the_number_that_the_row_has_in_the_pool(tmp_path: Path) -> None:
    bad = probs(N, 4)
    bad[111] = np.nan
    np.save(tmp_path / "P.npy", bad)
    tables = {"probs": open_table(tmp_path / "P.npy")}
    with pytest.raises(BadScores, match="1 of .* rows: probs are not probabilities .*; the first is row 111"):
        picks("margin", tables, 5, rows=64)
    with pytest.raises(MissingEvidence, match="'bald' looks at samples, and there is no 'samples'"):
        picks("bald", tables, 5)
    with pytest.raises(ConfigError, match="-n is 121; 120 of the 120 rows are open"):
        picks("margin", tables, 121)
    with pytest.raises(
        ConfigError, match="'k-center' looks at all rows at once, and these lie in parts. Take k-center-sharded"
    ):
        picks("k-center", {"features": tables["probs"]}, 5)
    with pytest.raises(BadScores, match="features are nan or infinite; .* row 111"):
        picks("k-center-sharded", {"features": tables["probs"]}, 5, rows=64)
    with pytest.raises(ConfigError, match="a shard has 0 rows"):
        picks("margin", tables, 5, rows=0)
