from __future__ import annotations

import pytest

from activeloop.config import configure
from activeloop.errors import ConfigError
from activeloop.sweep.grid import Axis, axes, grid, identity, kind_of, run_name


def test_lists_are_axes_wherever_they_stand() -> None:
    table = {
        "seed": [0, 1],
        "acquire": {"strategy": ["random", "margin"], "beta": 2.0},
        "oracle": {"noise": ["pair:0.2"]},
    }

    assert axes(table) == (
        Axis("seed", (0, 1)), Axis("acquire.strategy", ("random", "margin")), Axis("oracle.noise", ("pair:0.2",))
    )  # fmt: skip


def test_the_grid_is_every_combination_seed_by_seed() -> None:
    configs = grid({"acquire": {"strategy": ["random", "margin"]}, "budget": [40, 60], "seed": [3, 1]})

    assert [(one.seed, one.acquire.strategy, one.budget) for one in configs] == [
        (seed, strategy, budget) for seed in (3, 1) for strategy in ("random", "margin") for budget in (40, 60)
    ]


def test_alternatives_of_several_settings_at_once_are_tables() -> None:
    starts = [{"strategy": "random"}, {"strategy": "k-center", "size": 10}]

    assert [(one.start.strategy, one.start.size) for one in grid({"start": starts})] == [
        ("random", 20),
        ("k-center", 10),
    ]


def test_a_setting_that_is_a_list_itself_is_written_as_a_list_of_lists() -> None:
    one, two = grid({"oracle": [[], ["pair:0.2", "tired:50"]]})

    assert (one.oracle.stages, two.oracle.stages) == ((), ("pair:0.2", "tired:50"))
    with pytest.raises(
        ConfigError, match=r"a list that is|one that is a list itself is written data.augment = \[\[…\]\]"
    ):
        grid({"data": {"augment": ["crop", "flip"]}})


def test_a_table_without_lists_is_one_run() -> None:
    assert grid({"budget": 50}) == [configure(budget=50)]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"seed": []}, "seed is an empty list"),
        ({"seed": [0, 1, 0]}, "seed has 0 twice"),
        ({"acquire": {"strategy": ["random"]}, "budgt": [3]}, "no setting is called 'budgt'; did you mean 'budget'"),
        ({"seed": [0, -1]}, "This is of the run with seed = -1"),
        ({"oracle": [[], {}]}, "2 combinations are only 1 different runs"),
    ],
)
def test_what_is_no_grid_is_refused(table: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        grid(table)


def test_a_run_is_known_by_its_settings_and_the_names_of_its_data() -> None:
    digits, mnist, moved = (configure(data={"source": source}) for source in ("digits", "/a/mine.npz", "/b/mine.npz"))

    assert identity(digits) != identity(mnist)
    assert identity(mnist) == identity(moved)
    assert kind_of(configure(seed=1)) == kind_of(configure(seed=2))
    assert run_name(configure(seed=7, acquire={"strategy": "a/b:c"})).startswith("a_b_c-s7-")
