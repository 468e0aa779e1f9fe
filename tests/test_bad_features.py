"""What features get wrong before a selection, one row each, through the command: a clear error, and no file is written.

What may go on goes on with a note: fewer different rows than picks, a cluster that stays empty, constant features.
"""

from __future__ import annotations

from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest

from activeloop.catalogue import PRESETS, SELECTORS
from activeloop.cli.main import main

N = 60
LABELLED_BY_CLUSTERS = {name for name, preset in PRESETS.items() if "reference" in preset.bind}


def saved(folder: Path, kind: str) -> str:
    chance = np.random.default_rng(0)
    rows = (np.repeat(np.eye(4), N // 4, axis=0) * 5 + chance.normal(size=(N, 4))).astype(np.float32)
    match kind:
        case "nan":
            rows[7, 2] = np.nan
        case "huge":
            rows[7, 2] = 1e30
        case "zero":
            rows[7] = 0
        case "equal":
            rows[:] = 1
        case "four":  # different rows
            rows = np.repeat(np.eye(4, dtype=np.float32), N // 4, axis=0)
        case "short":
            rows = rows[:50]
    path = folder / f"{kind}.npy"
    np.save(path, rows)
    return str(path)


def select(folder: Path, *words: object) -> int:
    quick = ["reference.heads=2", "reference.epochs=3", "difficulty.epochs=10"]
    sets = [f"evidence.{entry}" for entry in quick] if words[0] in LABELLED_BY_CLUSTERS else []
    more = [word for entry in sets for word in ("--set", entry)]
    return main([str(word) for word in ("select", *words, *more, "--out", folder / "rows.csv")])


@pytest.mark.parametrize(
    ("strategy", "kind", "more", "said"),
    [
        ("k-center", "nan", (), "1 of 60 rows of {F} hold nan or infinite values; the first is row 7. Remove or replace"),
        ("k-means", "huge", (), "1 of 60 rows hold numbers beyond 1e+15, whose squares overflow; scale the features"),
        ("dbscan", "huge", (), "beyond 1e+15"),
        ("elfs-quick", "huge", ("--classes", 4), "beyond 1e+15"),
        ("k-center", "zero", ("--set", "metric=cosine"), "zero vectors, which have no direction; drop them"),
        ("elfs-quick", "zero", ("--classes", 4), "zero vectors, which have no direction; drop them"),
        ("elfs-quick", "equal", ("--classes", 4), "all 60 rows have the same features, so there is no cluster to find"),
        ("elfs-quick", "good", ("--classes", 61), "61 clusters were asked for, and there are 60 rows: ask for fewer"),
        ("k-center", "short", ("--data", "digits"), "holds 50 rows; allowed is 1,797 rows, in the order of the rows"),
        ("elfs-quick", "good", ("--classes", 4, "--set", "bind.cutoff=fixed", "--set", "evidence.cutoff.value=0.9"),
         "leaves 6 open rows of 60, and 10 picks were asked for. The largest cutoff that leaves enough is 0.8"),
        ("elfs-quick", "good", (), "classes"),
    ],
)  # fmt: skip
def test_bad_features_are_refused_and_nothing_is_written(
    strategy: str, kind: str, more: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    features = saved(tmp_path, kind)
    code = select(tmp_path, strategy, "--features", features, "-n", 10, *more)

    assert code == 2
    assert said.replace("{F}", features) in capsys.readouterr().err
    assert [path.name for path in tmp_path.glob("*") if path.is_file()] == [f"{kind}.npy"]


@pytest.mark.parametrize("strategy", sorted(SELECTORS.keys() - LABELLED_BY_CLUSTERS - {"d2", "random"}))
@pytest.mark.parametrize(("kind", "repeats"), [("four", 6), ("equal", 9)])
def test_fewer_different_rows_than_picks_are_picked_once_each_and_counted(
    strategy: str, kind: str, repeats: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = select(tmp_path, strategy, "--features", saved(tmp_path, kind), "-n", 10)

    picked = (tmp_path / "rows.csv").read_text().split()[1:]
    assert (code, len(picked), len(set(picked))) == (0, 10, 10)
    assert f"{repeats} of 10 picks" in capsys.readouterr().err


def test_a_cluster_that_stays_empty_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = select(tmp_path, "elfs-quick", "--features", saved(tmp_path, "four"), "--classes", 30, "-n", 5)

    assert code == 0
    assert "of 30 clusters hold no row" in capsys.readouterr().err


def test_weights_that_cannot_be_had_name_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object, **__: object) -> None:
        raise URLError("no route")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    words = ("embed", "--data", "digits", "--features", "torchvision:resnet18", "--out", tmp_path / "F.npy")

    assert main([str(word) for word in words]) == 2
    assert "weights_path" in capsys.readouterr().err
    missing = ("--set", f"weights_path={tmp_path}/none.pth")
    assert main([str(word) for word in (*words, *missing)]) == 2
    assert "none.pth" in capsys.readouterr().err
    assert not (tmp_path / "F.npy").exists()


def test_a_cache_that_cannot_be_written_is_said_and_nothing_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache, out = tmp_path / "file" / "cache", tmp_path / "F.npy"
    cache.parent.write_text("no folder")
    words = ("embed", "--data", "digits", "--features", "pca", "--cache", cache, "--out", out)

    assert main([str(word) for word in words]) == 2
    assert str(cache) in capsys.readouterr().err
    assert not out.exists()
