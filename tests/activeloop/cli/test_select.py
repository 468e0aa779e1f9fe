from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .conftest import Cli


@pytest.fixture
def features(tmp_path: Path) -> Path:
    """Twenty points on a line at 0 … 19."""
    np.save(tmp_path / "F.npy", np.arange(20, dtype=np.float32)[:, None])
    return tmp_path / "F.npy"


def rows(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()[1:]]


def test_labelled_rows_count_as_chosen_and_skipped_ones_are_left_out(cli: Cli, tmp_path: Path, features: Path) -> None:
    (tmp_path / "L.csv").write_text("row,label\n0,cat\n19,skip\n")
    said = cli("select", "k-center", "--features", features, "--labels", "L.csv", "-n", 2, "--out", "deep/rows.csv")

    assert said.code == 0
    assert rows(tmp_path / "deep/rows.csv") == [18, 9], "the farthest from 0 but the skipped one, then the middle"
    assert "k-center: 2 of 20 rows picked" in said.out
    assert "F.npy, 1 dimensions" in said.out


def test_the_seed_decides(cli: Cli, tmp_path: Path, features: Path) -> None:
    picked = []
    for seed in (0, 0, 1):
        cli("select", "random", "--features", features, "-n", 8, "--seed", seed, "--out", "rows.csv")
        picked.append(rows(tmp_path / "rows.csv"))

    assert picked[0] == picked[1] != picked[2]
    assert len(set(picked[0])) == 8


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("random", "-n", 0), "-n is 0; 20 of the 20 rows are open, so ask for 1 to 20"),
        (("random", "-n", 21), "-n is 21; 20 of the 20"),
        (("k-centre", "-n", 3), "did you mean 'k-center'"),
        (("entropy", "-n", 3), "'entropy' which needs 'probs'"),
        (("random", "-n", 3, "--seed", -1), "seed is -1; it must be 0 or more"),
        (("random", "-n", 3, "--set", "k=1"), "'random' has no option 'k'"),
        (("random", "-n", 3, "--labels", "L.csv"), "line 2: row is '20'; rows of the pool are 0…19"),
    ],
)
def test_what_cannot_be_selected_is_refused_and_nothing_is_written(
    cli: Cli, tmp_path: Path, features: Path, words: tuple[object, ...], message: str
) -> None:
    (tmp_path / "L.csv").write_text("row,label\n20,1\n")
    said = cli("select", *words, "--features", "F.npy", "--out", "rows.csv")

    assert said.code == 2
    assert message in said.err
    assert not (tmp_path / "rows.csv").exists()
