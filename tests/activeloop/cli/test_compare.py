from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from .conftest import QUICK, Cli, Said

SMALL = ("--budget", 40, "--query", 10, *QUICK)
MINE = """
from torch import Tensor

def undefined(probs: Tensor) -> Tensor:
    return probs[:, 0] * float("nan")

def broken(probs: Tensor) -> Tensor:
    raise RuntimeError("my own mistake")
"""


def compare(cli: Cli, *words: object, strategies: str = "random,margin", seeds: int = 2, out: str = "c") -> Said:
    return cli("compare", *SMALL, "--strategies", strategies, "--seeds", seeds, "--out", out, *words)


def journals(out: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in sorted(out.glob("runs/*/journal.jsonl"))}


def test_a_comparison_says_what_it_will_do_and_what_it_wrote(cli: Cli, tmp_path: Path) -> None:
    said = compare(cli, "--noise", "symmetric:0.05")

    assert said.code == 0
    for part in (
        "4, 1 at a time: random, margin with seed 0 to 1", "digits, a pool of 1,438 rows, 10 classes; measured on 359",
        "20 by random to start, then 10 a round up to 40; answers with symmetric:0.05",
        "[4/4] margin-s1: 40 labels, accuracy",
    ):  # fmt: skip
        assert part in said.err
    assert "Accuracy after so many labels" in said.out
    assert said.out.rstrip().endswith("tensorboard --logdir c/tb --samples_per_plugin images=100")
    assert {path.name for path in (tmp_path / "c").iterdir()} >= {
        "curves.csv", "curves.png", "summary.json", "runs", "tb"
    }  # fmt: skip
    assert {path.name for path in (tmp_path / "c/tb").glob("*/*")} == {"random", "margin"}


def test_every_report_names_the_features(cli: Cli, tmp_path: Path) -> None:
    said = compare(cli, "--features", "pca", "--set", "data.features_options.dimensions=5", seeds=1)
    plain, both = compare(cli, seeds=1, out="d"), compare(cli, "--features", "pca", "--learn-on", "features", out="e")

    assert "features pca, 5 dimensions, 54 % of the variance; the learner sees the inputs" in said.err
    assert "Features that strategies saw: pca, dimensions 5." in said.out
    assert json.loads((tmp_path / "c/summary.json").read_text())["features"] == ["pca, dimensions 5"]
    assert b"data.features" in next((tmp_path / "c/tb/runs").rglob("events*")).read_bytes()
    assert "Features that strategies saw: the inputs." in plain.out
    assert "of the variance; the learner sees those too" in both.err
    assert "saw: pca (the learner saw them too)." in both.out


def test_what_trains_on_the_whole_pool_is_told_before_it_does(cli: Cli) -> None:
    small = ("clusters.heads=2", "clusters.epochs=2", "clusters.batch=512")
    sets = [word for entry in small for word in ("--set", f"evidence.{entry}")]
    said = cli("compare", "--strategies", "expected-el2n,el2n", "--seeds", 1, "--budget", 30, "--query", 10, "--out", "c",
               "--set", "learner.options.steps=5", "--set", "evidence.early.models=1",
               "--set", "acquire.bind.reference=named-clusters", *sets)  # fmt: skip

    assert said.code == 0, said.err
    assert "once     a seed, over the whole pool, which may take minutes: clusters by clusters; kept" in said.err
    assert "el2n     1 more models a round" in said.err


def test_curves_hold_every_strategy_seed_and_label_count(cli: Cli, tmp_path: Path) -> None:
    compare(cli)
    with (tmp_path / "c/curves.csv").open(newline="") as lines:
        table = list(csv.DictReader(lines))

    assert list(table[0]) == ["strategy", "seed", "round", "labels", "metric", "value"]
    found = {(line["strategy"], line["seed"], line["labels"]) for line in table if line["metric"] == "accuracy"}
    assert found == {(name, seed, at) for name in ("random", "margin") for seed in "01" for at in ("20", "30", "40")}


def test_two_jobs_give_the_journals_of_one_byte_for_byte(cli: Cli, tmp_path: Path) -> None:
    one, two = compare(cli, out="one"), compare(cli, "--jobs", 2, out="two")

    assert (one.code, two.code) == (0, 0)
    assert len(journals(tmp_path / "one")) == 4
    assert journals(tmp_path / "one") == journals(tmp_path / "two")


def test_the_same_command_passes_over_what_is_finished_and_more_strategies_are_added(cli: Cli, tmp_path: Path) -> None:
    compare(cli)
    before = journals(tmp_path / "c")
    again, more = compare(cli), compare(cli, strategies="entropy", seeds=3)

    assert (again.code, more.code) == (0, 0)
    after = journals(tmp_path / "c")
    assert after.keys() - before.keys() == {"entropy-s0", "entropy-s1", "entropy-s2"}
    assert all(after[name] == journal for name, journal in before.items())
    assert all(name in more.out for name in ("random", "margin", "entropy"))


@pytest.mark.parametrize(
    ("words", "strategies", "difference"),
    [
        (("--budget", 50), "random,margin", "budget (40 there, 50 here)"),
        (("--budget", 50), "entropy", "budget (40 there, 50 here)"),
        (("--set", "acquire.pick=power"), "margin", "acquire.pick ('top' there, 'power' here)"),
        (("--imbalance",), "random", "data.imbalance (False there, True here)"),
    ],
)
def test_runs_of_another_comparison_are_refused_once_and_before_any_training(
    cli: Cli, tmp_path: Path, words: tuple[object, ...], strategies: str, difference: str
) -> None:
    compare(cli, seeds=1)
    before = journals(tmp_path / "c")
    said = compare(cli, *words, strategies=strategies, seeds=1)

    assert said.code == 2
    assert said.err.count("activeloop:") == 1
    assert "of another comparison" in said.err
    assert difference in said.err
    assert "Choose another --out" in said.err
    assert journals(tmp_path / "c") == before


def test_a_folder_that_holds_other_data_or_a_single_run_is_refused(cli: Cli, tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    np.savez(tmp_path / "mine.npz", x_train=chance.normal(size=(60, 4)), y_train=np.arange(60) % 3)
    compare(cli, seeds=1)
    cli("run", "--out", "r", *SMALL)

    assert "the data (1,438 rows there, 48 here)" in compare(cli, "--data", "mine.npz", seeds=1).err
    assert "r is the folder of a single run" in compare(cli, out="r").err
    assert "c is the folder of a comparison" in cli("run", "--out", "c", *SMALL).err


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_strategy_that_fails_stops_no_other_and_is_named_with_its_reason(cli: Cli, tmp_path: Path, jobs: int) -> None:
    (tmp_path / f"mine{jobs}.py").write_text(MINE)
    said = compare(cli, "--jobs", jobs, strategies=f"mine{jobs}:undefined,random,mine{jobs}:broken")

    assert said.code == 2
    assert f"activeloop: 2 failed (mine{jobs}_undefined-s0, mine{jobs}_undefined-s1):" in said.err
    assert "scores are nan or infinite" in said.err
    assert "RuntimeError: my own mistake" in said.err
    assert said.err.count("Traceback") == 1
    assert "the same command does these too" in said.err
    summary = json.loads((tmp_path / "c/summary.json").read_text())
    finished = {each["strategy"]: set(each["last_labels"].values()) for each in summary["strategies"]}
    assert finished["random"] == {40}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--strategies", "random,entrpy"), "no strategy is called 'entrpy'; did you mean 'entropy'"),
        (("--strategies", "random,random"), "must name each strategy once"),
        (("--strategies", ","), "must name each strategy once"),
        (("--strategies", "random,forgetting"), "'forgetting' cannot run"),
        (("--seeds", 0), "--seeds is 0 and --jobs 1; both must be 1 or more"),
        (("--noise", "symetric:0.1"), "no oracle or noise is called 'symetric'; did you mean 'symmetric'?"),
        (("--noise", "pair:2"), "the noise rate is 2; it is a fraction"),
        (("--start", "balanced:few"), "needs a whole number of labels per class"),
        (("--start", "rows:none.csv"), "none.csv cannot be read"),
        (("--test-fraction", 0), "there is nothing to measure on"),
        (("--budget", 5000), "budget is 5,000, but the pool has 1,438 rows"),
    ],
)
def test_what_cannot_work_is_refused_before_a_folder_is_made(
    cli: Cli, tmp_path: Path, words: tuple[object, ...], message: str
) -> None:
    said = cli("compare", *SMALL, "--out", "c", *words)

    assert said.code == 2
    assert message in said.err
    assert not (tmp_path / "c").exists()


def test_a_pool_without_labels_is_sent_to_run(cli: Cli, tmp_path: Path) -> None:
    np.save(tmp_path / "pool.npy", np.zeros((50, 4), np.float32))
    (tmp_path / "names.txt").write_text("a\nb")
    said = cli("compare", "--data", "pool.npy", "--classes", "names.txt", "--out", "c")

    assert said.code == 2
    assert "`activeloop run` asks people instead" in said.err


def test_classes_missing_from_the_start_are_noted_once_for_all_runs(cli: Cli) -> None:
    said = compare(cli, "--initial", 5)

    notes = [line for line in said.err.splitlines() if line.startswith("note, in 2 of 4 runs")]
    assert len(notes) == 2, "one for each start, which the strategies share"
    assert "the initial set holds no label of" in notes[0]


def test_lockstep_runs_are_the_same_however_they_are_shared_out(cli: Cli, tmp_path: Path) -> None:
    words = ("--strategies", "random,margin", "--seeds", 2, "--budget", 40, "--query", 10, "--net", "mlp",
             "--set", "learner.options.steps=20")  # fmt: skip
    one = cli("compare", *words, "--engine", "lockstep", "--out", "one")
    two = cli("compare", *words, "--engine", "lockstep", "--jobs", 2, "--out", "two")
    alone = cli("compare", *words, "--set", "lockstep=true", "--engine", "serial", "--out", "alone")

    assert (one.code, two.code, alone.code) == (0, 0, 0), one.err
    assert len(journals(tmp_path / "one")) == 4
    assert journals(tmp_path / "one") == journals(tmp_path / "two") == journals(tmp_path / "alone")
