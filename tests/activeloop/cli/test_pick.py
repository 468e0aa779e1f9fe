from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .conftest import Cli


@pytest.fixture
def probs(tmp_path: Path) -> Path:
    """Ten rows, the surer the later."""
    first = np.linspace(0.5, 0.95, 10, dtype=np.float32)
    np.save(tmp_path / "P.npy", np.stack([first, 1 - first], axis=1))
    return tmp_path / "P.npy"


def rows(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()[1:]]


def test_rows_are_picked_by_an_array_and_labelled_and_skipped_ones_are_passed_over(
    cli: Cli, tmp_path: Path, probs: Path
) -> None:
    (tmp_path / "L.csv").write_text("row,label\n0,cat\n2,skip\n")
    said = cli("pick", "margin", "--evidence", f"probs={probs}", "--labels", "L.csv", "-n", 3, "--out", "rows.csv")

    assert said.code == 0
    assert rows(tmp_path / "rows.csv") == [1, 3, 4]
    assert "margin: 3 of 10 rows picked; wrote rows.csv" in said.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("margin", "-n", 3), "'margin' looks at probs, and there is no 'probs'"),
        (("margin", "-n", 11, "--evidence", "probs=P.npy"), "-n is 11; 10 of the 10 rows are open"),
        (("margin", "-n", 3, "--evidence", "P.npy"), "--evidence 'P.npy' is not of the form NAME=FILE.npy"),
        (("margin", "-n", 3, "--evidence", "probs=Q.npy"), "there is no file Q.npy"),
        (("marginn", "-n", 3, "--evidence", "probs=P.npy"), "did you mean 'margin'"),
        (("margin", "-n", 3, "--evidence", "probs=P.npy", "--set", "k=1"), "'margin' has no option 'k'"),
        (
            ("margin", "-n", 3, "--evidence", "probs=P.npy", "--labels", "L.csv"),
            "row is '10'; rows of the pool are 0…9",
        ),
    ],
)
def test_what_cannot_be_picked_is_refused_and_nothing_is_written(
    cli: Cli, tmp_path: Path, probs: Path, words: tuple[object, ...], message: str
) -> None:
    (tmp_path / "L.csv").write_text("row,label\n10,1\n")
    said = cli("pick", *words, "--out", "rows.csv")

    assert said.code == 2
    assert message in said.err
    assert not (tmp_path / "rows.csv").exists()


def test_shards_give_the_rows_of_one_array_and_scores_are_kept(cli: Cli, tmp_path: Path, probs: Path) -> None:
    (tmp_path / "L.csv").write_text("row,label\n0,cat\n2,skip\n")
    words = ("pick", "entropy", "--evidence", f"probs={probs}", "--labels", "L.csv", "-n", 3)
    cli(*words, "--out", "one.csv")
    said = cli(*words, "--out", "rows.csv", "--shard-rows", 4, "--scores", "S")

    assert said.code == 0
    assert rows(tmp_path / "rows.csv") == rows(tmp_path / "one.csv") == [1, 3, 4]
    assert [len(np.load(file)) for file in sorted((tmp_path / "S").glob("*.npy"))] == [4, 4, 2]


def test_parquet_is_evidence_too(cli: Cli, tmp_path: Path, probs: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow: pip install 'activeloop[ray]'")
    import pyarrow.parquet as parquet

    parquet.write_table(pa.table({"row": list(range(10)), "probs": np.load(probs).tolist()}), tmp_path / "P.parquet")
    cli("pick", "margin", "--evidence", f"probs={probs}", "-n", 4, "--out", "one.csv")
    said = cli("pick", "margin", "--evidence", "probs=P.parquet", "-n", 4, "--out", "rows.csv")

    assert said.code == 0
    assert rows(tmp_path / "rows.csv") == rows(tmp_path / "one.csv")


def test_a_selector_that_needs_all_rows_is_refused_over_shards(cli: Cli, probs: Path) -> None:
    words = ("--evidence", f"features={probs}", "--engine", "serial", "-n", 3, "--out", "rows.csv")

    assert "'k-center' looks at all rows at once" in cli("pick", "k-center", *words).err
    assert "add --engine ray" in cli("pick", "margin", "--evidence", f"probs={probs}", "--address", "auto", "-n", 3,
                                     "--out", "rows.csv").err  # fmt: skip
