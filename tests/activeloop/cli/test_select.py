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


def test_a_selector_without_a_report_writes_rows_alone(cli: Cli, tmp_path: Path) -> None:
    said = cli("select", "typiclust", "--data", "digits", "-n", 12, "--out", "rows.csv")

    assert said.code == 0, said.err
    assert len(set(rows(tmp_path / "rows.csv"))) == 12
    assert "features      pixels" in said.out


def test_features_have_options_too(cli: Cli) -> None:
    said = cli("select", "k-center", "--data", "digits", "--features", "pca", "--set", "metric=cosine",
               "--set", "data.features_options.dimensions=5", "-n", 3, "--out", "rows.csv")  # fmt: skip

    assert said.code == 0, said.err
    assert "pca, 5 dimensions" in said.out


def test_elfs_runs_from_images_to_a_report_without_a_label_and_its_rows_start_a_run(cli: Cli, tmp_path: Path) -> None:
    quick = [
        "evidence.reference.heads=3", "evidence.reference.epochs=5", "evidence.difficulty.epochs=4",
        "evidence.difficulty.window=3", "evidence.cutoff.epochs=3",
    ]  # fmt: skip
    sets = [word for entry in quick for word in ("--set", entry)]
    words = ("select", "elfs-quick", "--data", "digits", "--features", "pca", "-n", 30, "--out", "rows.csv")

    said = cli(*words, "--report", "first", *sets)
    assert said.code == 0, said.err
    assert "pca, 64 dimensions" in said.out
    assert "dual of a cnn trained on clusters" in " ".join(said.out.split())
    pictures = {path.name for path in (tmp_path / "first").iterdir()}
    assert {"selection.json", "projection.png", "sheet.png", "difficulty.png", "classes.png", "tb"} <= pictures
    picked = rows(tmp_path / "rows.csv")

    again = cli(*words, *sets)
    assert rows(tmp_path / "rows.csv") == picked
    assert again.code == 0

    started = cli("run", "--data", "digits", "--test-fraction", 0, "--validation", 5, "--start", "rows:rows.csv",
                  "--budget", 40, "--query", 5, "--set", "learner.options.steps=5", "--out", "run")  # fmt: skip
    assert started.code == 0, started.err


def test_features_alone_have_no_inputs_so_the_proxy_is_a_probe_and_is_called_what_it_is(
    cli: Cli, tmp_path: Path
) -> None:
    chance = np.random.default_rng(0)
    np.save(tmp_path / "F.npy", (np.repeat(np.eye(3), 40, axis=0) * 5 + chance.normal(size=(120, 3))).astype("f4"))
    words = ("select", "elfs-quick", "--features", "F.npy", "-n", 9, "--out", "rows.csv")

    refused = cli(*words)
    assert refused.code == 2
    assert "classes" in refused.err

    said = cli(*words, "--classes", 3, "--set", "evidence.difficulty.epochs=12")
    assert said.code == 0, said.err
    assert "distance to the cluster boundary" in " ".join(said.out.split())
    assert len(set(rows(tmp_path / "rows.csv"))) == 9


def test_inputs_beside_features_are_what_the_proxy_trains_on(cli: Cli, tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    images = chance.integers(0, 99, (60, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "X.npy", images)
    np.save(tmp_path / "F.npy", images.reshape(60, 64).astype("f4"))
    quick = ["evidence.reference.heads=2", "evidence.reference.epochs=2", "evidence.difficulty.epochs=3",
             "evidence.difficulty.window=2", "bind.cutoff=fixed", "evidence.cutoff.value=0.25"]  # fmt: skip

    said = cli("select", "elfs-quick", "--features", "F.npy", "--inputs", "X.npy", "--classes", 2, "-n", 6,
               "--out", "rows.csv", *(word for entry in quick for word in ("--set", entry)))  # fmt: skip

    assert said.code == 0, said.err
    assert "the hardest 15 (25.0%) are dropped" in " ".join(said.out.split())
    assert "cnn trained on clusters" in " ".join(said.out.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--data", "digits", "--inputs", "digits"), "both say what the inputs are; give one"),
        ((), "nothing says of which rows: name the pool"),
        (("--data", "digits", "--features", "simclrr"), "did you mean 'simclr'"),
        (("--data", "digits", "--features", "F.npy"), "F.npy holds 20 rows; allowed is 1,797 rows"),
    ],
)
def test_a_pool_that_cannot_be_is_refused(
    cli: Cli, tmp_path: Path, features: Path, words: tuple[object, ...], message: str
) -> None:
    said = cli("select", "k-center", *words, "-n", 3, "--out", "rows.csv", "--report", "first")

    assert said.code == 2
    assert message in said.err
    assert not (tmp_path / "rows.csv").exists()
    assert not (tmp_path / "first").exists()
