from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .conftest import QUICK, Cli

SMALL = ("--budget", 40, "--query", 10, *QUICK)


def test_a_run_on_labelled_data_is_simulated_to_its_end(cli: Cli, tmp_path: Path) -> None:
    said = cli("run", *SMALL, "--strategy", "margin", "--out", "r")

    assert said.code == 0
    assert "margin" in said.out
    assert "tensorboard --logdir r/tb --samples_per_plugin images=100" in said.out
    assert "40 of 40 labels" in cli("status", "r").out
    assert (tmp_path / "r/tb/runs/margin/seed-0").is_dir()


def test_a_noisy_run_tells_what_was_wrong_beside_what_its_labels_say(cli: Cli, tmp_path: Path) -> None:
    panel = '{kind="panel", annotators=["pair:0.3", ["pair:0.3", "named:anna"], "pair:0.3"], least=2}'
    said = cli("run", *SMALL, "--set", f'oracle=["confusable:0.1", {panel}]', "--out", "r")

    lines = {line.split()[0]: line for line in said.out.splitlines() if line.startswith("  ")}
    assert "% wrong" in lines["entropy"]
    assert "% estimated" in lines["entropy"]
    assert "% right" in lines["anna"]
    assert (tmp_path / "r/truth/r.json").exists()
    assert "truth" not in (tmp_path / "r/journal.jsonl").read_text()
    assert "entropy" in cli("report", "r", "--x", "cost").out
    assert (tmp_path / "r/curves-by-cost.png").exists()


def test_recorded_answers_run_to_the_end_on_a_pool_whose_truth_nobody_knows(cli: Cli, tmp_path: Path) -> None:
    inputs = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)
    np.save(tmp_path / "pool.npy", inputs)
    np.savez(tmp_path / "said.npz", anna=(inputs[:, 0] > 0).astype(np.int64))
    words = ("--data", "pool.npy", "--classes", 2, "--validation", 10, "--set", 'oracle=["recorded:said.npz"]')
    said = cli("run", *SMALL, *words, "--out", "r")

    assert said.code == 0
    assert "40 of 40 labels" in cli("status", "r").out
    assert '"annotator":"anna"' in (tmp_path / "r/journal.jsonl").read_text().replace(" ", "")
    assert not list((tmp_path / "r").glob("truth/*"))
    assert cli("run", *SMALL, *words[:-1], 'oracle=["pair:0.1"]', "--out", "p").code == 3  # people are asked


def test_a_run_without_noise_says_nothing_of_wrong_answers_and_has_no_cost(cli: Cli) -> None:
    assert "wrong" not in cli("run", *SMALL, "--out", "r").out

    said = cli("report", "r", "--x", "cost")
    assert said.code == 2
    assert "answers to q0000 of r have no cost" in said.err


def test_the_same_command_reports_again_and_changes_nothing(cli: Cli, tmp_path: Path) -> None:
    first = cli("run", *SMALL, "--out", "r")
    journal = (tmp_path / "r/journal.jsonl").read_bytes()

    assert cli("run", *SMALL, "--out", "r").out == first.out
    assert (tmp_path / "r/journal.jsonl").read_bytes() == journal


def test_another_command_in_the_same_folder_is_refused_with_what_differs(cli: Cli) -> None:
    cli("run", *SMALL, "--out", "r")
    said = cli("run", *SMALL, "--strategy", "margin", "--out", "r")

    assert said.code == 2
    assert "they differ in acquire.strategy" in said.err


def test_people_are_asked_where_the_truth_is_known_if_that_is_wanted(cli: Cli) -> None:
    said = cli("run", *SMALL, "--people", "--out", "r")

    assert said.code == 3
    assert "20 rows to label (start)" in said.err


def test_a_target_ends_the_run(cli: Cli) -> None:
    cli("run", *SMALL, "--target", 0.1, "--out", "r")

    assert "20 of 40 labels" in cli("status", "r").out
    assert "done (target)" in cli("status", "r").out


def test_rows_that_select_picked_start_a_run_in_their_order(cli: Cli, tmp_path: Path) -> None:
    np.save(tmp_path / "pool.npy", np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32))
    (tmp_path / "names.txt").write_text("a\nb")
    cli("select", "k-center", "--features", "pool.npy", "-n", 7, "--out", "rows.csv")
    said = cli("run", "--data", "pool.npy", "--classes", "names.txt", "--net", "linear", "--start", "rows:rows.csv",
               "--initial", 7, "--budget", 9, "--out", "r")  # fmt: skip

    assert said.code == 3
    assert [line.split()[1] for line in said.out.splitlines()] == (tmp_path / "rows.csv").read_text().split()[1:]
    assert "no labels left for measuring: set --validation" in said.err


def test_settings_come_from_a_file_options_and_set_and_the_last_wins(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('budget = 30\nquery = 5\n[acquire]\nstrategy = "margin"\n')
    cli("run", *QUICK, "--config", "run.toml", "--query", 10, "--set", "budget=40", "--out", "r")

    said = cli("report", "r").out
    assert "margin" in said
    assert "20 labels      30 labels      40 labels" in said or "20 labels  30 labels  40 labels" in said


def test_a_benchmark_keeps_its_name_where_a_folder_has_it_too(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "digits").mkdir()

    assert cli("run", *SMALL, "--data", "digits", "--out", "r").code == 0
    assert "digits holds no images" in cli("run", *SMALL, "--data", "./digits", "--out", "s").err


@pytest.mark.parametrize("kind", ["run", "comparison"])
def test_report_draws_runs_anew_and_by_another_metric(cli: Cli, tmp_path: Path, kind: str) -> None:
    if kind == "run":
        cli("run", *SMALL, "--out", "c")
    else:
        cli("compare", *SMALL, "--strategies", "random,entropy", "--seeds", 1, "--out", "c")
    (tmp_path / "c/curves.csv").unlink()
    said = cli("report", "c", "--metric", "loss", "--goal", 0.5)

    assert said.code == 0
    assert "Loss after so many labels" in said.out
    assert (tmp_path / "c/curves.csv").exists()


def test_report_answers_unknown_names_with_the_nearest(cli: Cli) -> None:
    cli("run", *SMALL, "--out", "r")

    assert "no run in none" in cli("report", "none").err
    assert "no metric is called 'acuracy'; did you mean 'accuracy'" in cli("report", "r", "--metric", "acuracy").err
    assert "no strategy here is called 'entrpy'; did you mean 'entropy'" in (
        cli("report", "r", "--baseline", "entrpy").err
    )


def test_status_of_a_comparison_is_a_line_a_run(cli: Cli) -> None:
    cli("compare", *SMALL, "--strategies", "random,entropy", "--seeds", 2, "--out", "c")
    said = cli("status", "c")

    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines()] == ["entropy-s0", "entropy-s1", "random-s0", "random-s1"]
    assert cli("status", "none").code == 2
