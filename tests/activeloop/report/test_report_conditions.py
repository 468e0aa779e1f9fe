from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from activeloop.errors import ConfigError
from activeloop.report.conditions import conditions
from activeloop.store.journal import Journal

PLAIN = {
    "seed": 0,
    "budget": 100,
    "data": {"source": "digits", "cache": None},
    "start": {"strategy": "random", "size": 10},
    "evidence": {},
    "acquire": {"strategy": "entropy", "pick": "top", "beta": 1.0},
    "learner": {"name": "supervised", "options": {}},
    "oracle": {"name": "simulated", "noise": ""},
}


def write(out: Path, name: str, **changes: object) -> None:
    """A journal of one event whose settings are `PLAIN` but for these: `start__strategy="k-center"`."""
    config = json.loads(json.dumps(PLAIN))
    for key, value in changes.items():
        *tables, last = key.split("__")
        at = config
        for table in tables:
            at = at[table]
        at[last] = value
    with Journal(out / "runs" / name) as journal:
        journal.append({"event": "opened", "config": config, "fingerprint": "f", "data": "d", "rows": 9, "classes": []})


def names(out: Path, *lines: str) -> Mapping[str, list[str]]:
    return {each.name: [f"{run.strategy} {run.seed}" for run in each.records] for each in conditions([out], lines)}


def test_runs_that_differ_in_strategy_and_seed_share_one_nameless_condition(tmp_path: Path) -> None:
    write(tmp_path, "a", seed=1, acquire__strategy="random")
    write(tmp_path, "b", seed=0)

    assert names(tmp_path) == {"": ["entropy 0", "random 1"]}


def test_noise_and_start_split_charts_and_name_them(tmp_path: Path) -> None:
    for noise in ("", "pair:0.2"):
        for start in ("random", "k-center"):
            write(tmp_path, f"{noise}-{start}", oracle__noise=noise, start__strategy=start)

    assert set(names(tmp_path)) == {
        "start random, no noise", "start k-center, no noise", "start random, noise pair:0.2", "start k-center, noise pair:0.2"
    }  # fmt: skip


def test_what_goes_along_with_another_setting_is_not_named(tmp_path: Path) -> None:
    for source, budget in (("digits", 100), ("mnist", 100), ("mnist", 1000)):
        write(tmp_path, f"{source}-{budget}", data__source=source, budget=budget, query=budget // 10,
              start__size=budget // 10, candidates=0 if source == "digits" else 2000)  # fmt: skip

    assert list(names(tmp_path)) == ["budget 100, data digits", "budget 100, data mnist", "budget 1000, data mnist"]
    assert conditions([tmp_path])[0].settings["query"] == 10


def test_settings_hold_only_what_differs_and_none_where_a_run_lacks_it(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b", learner__options={"net": "mlp"})

    found = conditions([tmp_path])

    assert [each.settings for each in found] == [{"learner.options.net": None}, {"learner.options.net": "mlp"}]
    assert [each.name for each in found] == ["no net", "net mlp"]


def test_numbers_are_ordered_by_size(tmp_path: Path) -> None:
    for budget in (1000, 50, 200):
        write(tmp_path, f"b{budget}", budget=budget)

    assert list(names(tmp_path)) == ["budget 50", "budget 200", "budget 1000"]


def test_a_line_is_named_after_what_else_of_acquire_differs_for_that_strategy(tmp_path: Path) -> None:
    write(tmp_path, "a", acquire__strategy="bald", acquire__pick="power")
    write(tmp_path, "b", acquire__strategy="bald")
    write(tmp_path, "c", acquire__strategy="random")

    assert names(tmp_path) == {"": ["bald (pick power) 0", "bald (pick top) 0", "random 0"]}


def test_the_start_can_name_lines_instead_of_splitting_charts(tmp_path: Path) -> None:
    write(tmp_path, "a", start__strategy="typiclust")
    write(tmp_path, "b")

    assert names(tmp_path, "start") == {"": ["entropy 0", "entropy after typiclust 0"]}


def test_any_key_can_name_lines(tmp_path: Path) -> None:
    write(tmp_path, "a", oracle__noise="pair:0.2")
    write(tmp_path, "b")

    assert names(tmp_path, "oracle.noise") == {"": ["entropy (no noise) 0", "entropy (noise pair:0.2) 0"]}


def test_evidence_that_only_one_strategy_has_splits_nothing_and_two_forms_of_it_do(tmp_path: Path) -> None:
    write(tmp_path / "one", "a")
    write(tmp_path / "one", "b", acquire__strategy="bald", evidence={"samples": {"passes": 100}})
    write(tmp_path / "two", "c", acquire__strategy="bald", evidence={"samples": {"passes": 10}})

    assert list(names(tmp_path / "one")) == [""]
    both = conditions([tmp_path / "one", tmp_path / "two"])
    assert [each.name for each in both] == ["no samples passes", "samples passes 10", "samples passes 100"]


def test_a_file_of_rows_for_every_seed_is_one_start_and_two_for_one_seed_are_two(tmp_path: Path) -> None:
    for seed in (0, 1):
        write(tmp_path / "one", f"s{seed}", seed=seed, start__strategy=f"rows:/x/start-{seed}.csv")
    write(tmp_path / "two", "other", start__strategy="rows:/x/other.csv")

    assert list(names(tmp_path / "one")) == [""]
    assert len(conditions([tmp_path / "one", tmp_path / "two"])) == 3


def test_where_files_lie_is_no_condition_and_which_they_are_is_one(tmp_path: Path) -> None:
    write(tmp_path, "a", data__source="/x/one.npz", data__cache="/here")
    write(tmp_path, "b", data__source="/x/two.npz", data__cache="/there")

    assert list(names(tmp_path)) == ["data one.npz", "data two.npz"]


def test_files_of_one_name_are_shown_with_their_folders(tmp_path: Path) -> None:
    write(tmp_path, "a", data__source="/x/pool.npz")
    write(tmp_path, "b", data__source="/y/pool.npz")

    assert list(names(tmp_path)) == ["data /x/pool.npz", "data /y/pool.npz"]


def test_several_folders_make_one_study_and_one_given_twice_counts_once(tmp_path: Path) -> None:
    write(tmp_path / "one", "a")
    write(tmp_path / "two", "a", seed=1)

    found = conditions([tmp_path / "one", tmp_path / "two", tmp_path / "one"])

    assert [record.seed for record in found[0].records] == [0, 1]


def test_two_runs_of_one_name_and_seed_in_a_condition_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b")

    with pytest.raises(ConfigError, match="2 runs are called 'entropy' with seed 0"):
        conditions([tmp_path])


def test_a_folder_without_runs_has_no_condition(tmp_path: Path) -> None:
    assert conditions([tmp_path]) == ()
