from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from activeloop.errors import BadScores, ConfigError
from activeloop.geometry import neighbours as module
from activeloop.geometry.neighbours import neighbours, normalised, refuse_nan


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).float()


def brute(features: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Every distance, by differences in float64."""
    exact = features.double()
    distance = (exact[:, None] - exact[None]).norm(dim=2).fill_diagonal_(torch.inf)
    nearest, positions = distance.sort(dim=1, stable=True)
    return positions[:, :k], nearest[:, :k]


@pytest.fixture
def _tiny_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", 7)
    monkeypatch.setattr(module, "COLUMNS", 11)
    monkeypatch.setattr(module, "AT_ONCE", 50)


def test_neighbours_on_a_line_come_nearest_first_with_their_distances() -> None:
    positions, distances = neighbours(torch.tensor([[0.0], [1.0], [3.0], [10.0]]), 2)

    assert positions.tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]
    assert distances.tolist() == [[1, 3], [1, 2], [2, 3], [7, 9]]
    assert (positions.dtype, distances.dtype) == (torch.int64, torch.float32)


@pytest.mark.parametrize("k", [1, 5, 29, 99])
@pytest.mark.usefixtures("_tiny_blocks")
def test_neighbours_agree_with_all_distances_in_float64_across_block_borders(k: int) -> None:
    features = normal(100, 6)
    expected, distance = brute(features, k)

    positions, distances = neighbours(features, k)

    assert torch.equal(positions, expected)
    torch.testing.assert_close(distances, distance.float())


def test_neighbours_agree_with_all_distances_in_blocks_of_the_usual_size() -> None:
    features = normal(1500, 4)
    expected, _ = brute(features, 3)

    assert torch.equal(neighbours(features, 3)[0], expected)


@pytest.mark.usefixtures("_tiny_blocks")
def test_a_row_is_never_its_own_neighbour_not_even_among_duplicates() -> None:
    features = normal(6, 3).repeat_interleave(10, dim=0)

    positions, distances = neighbours(features, 9)

    own = torch.arange(60)[:, None]
    assert not (positions == own).any()
    assert (positions // 10 == own // 10).all()
    assert (distances == 0).all()
    assert all(len(set(row)) == 9 for row in positions.tolist())


def test_all_rows_equal_still_gives_distinct_other_rows() -> None:
    positions, _ = neighbours(torch.full((30, 2), 1e3), 29)

    assert all(sorted([row, *near]) == list(range(30)) for row, near in enumerate(positions.tolist()))


@pytest.mark.parametrize("shift", [0.0, 1e3, -1e5])
def test_neighbours_far_from_the_origin_are_those_near_it(shift: float) -> None:
    features = (normal(300, 3) * 256).round() / 256 + shift / 128  # exact in float32, before the shift and after
    expected, distance = brute(features, 4)

    _, distances = neighbours(features, 4)

    torch.testing.assert_close(distances, distance.float())
    torch.testing.assert_close((features - features[expected[:, 3]]).norm(dim=1), distances[:, 3])


@pytest.mark.usefixtures("_tiny_blocks")
def test_neighbours_inside_tight_clusters_far_apart_are_exact() -> None:
    """Distances of 1e-3 between centres 1e3 apart: float32 products cannot tell them, whatever is subtracted."""
    features = normal(5, 8, seed=1).repeat_interleave(40, dim=0).double() * 1e3 + normal(200, 8).double() * 1e-3
    expected, distance = brute(features, 3)

    positions, distances = neighbours(features, 3)

    assert torch.equal(positions, expected)
    torch.testing.assert_close(distances, distance.float())


@pytest.mark.parametrize("k", [3, 39])
def test_neighbours_of_huge_numbers_do_not_overflow(k: int) -> None:
    features = normal(40, 3)

    assert torch.equal(neighbours(features * 1e25, k)[0], neighbours(features, k)[0])


@pytest.mark.usefixtures("_tiny_blocks")
def test_cosine_ignores_lengths_and_gives_one_minus_the_cosine() -> None:
    features = normal(80, 5)
    unit = features.double() / features.double().norm(dim=1, keepdim=True)
    expected, _ = brute(unit, 4)

    positions, distances = neighbours(features * torch.logspace(-3, 3, 80)[:, None], 4, metric="cosine")

    assert torch.equal(positions, expected)
    cosine = (unit[:, None] * unit[expected]).sum(dim=2)
    torch.testing.assert_close(distances, (1 - cosine).float(), atol=1e-6, rtol=1e-5)


def test_permuting_rows_permutes_their_neighbours() -> None:
    features, order = normal(60, 4), torch.from_numpy(np.random.default_rng(3).permutation(60))

    here, there = neighbours(features, 5)[0], neighbours(features[order], 5)[0]

    assert torch.equal(order[there], here[order])


def test_neighbours_read_a_memory_map_and_never_hold_it_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", 64)
    monkeypatch.setattr(module, "COLUMNS", 64)
    kept = np.lib.format.open_memmap(tmp_path / "features.npy", mode="w+", dtype=np.float32, shape=(400, 16))
    kept[:] = normal(400, 16).numpy()
    kept.flush()
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r+")

    positions, _ = neighbours(torch.from_numpy(mapped), 3)

    assert torch.equal(positions, brute(torch.from_numpy(np.array(mapped)), 3)[0])


def test_no_tensor_has_a_side_for_every_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch.utils._python_dispatch import TorchDispatchMode

    class Largest(TorchDispatchMode):
        numbers = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            made = func(*args, **(kwargs or {}))
            for one in made if isinstance(made, tuple) else (made,):
                if isinstance(one, Tensor):
                    self.numbers = max(self.numbers, one.untyped_storage().nbytes() // one.element_size())
            return made

    monkeypatch.setattr(module, "ROWS", 32)
    monkeypatch.setattr(module, "COLUMNS", 64)
    monkeypatch.setattr(module, "AT_ONCE", 4096)
    features = normal(2000, 8)
    with Largest() as seen:
        neighbours(features, 3)

    assert seen.numbers <= max(2000 * 8, 4096)  # the features or a block; all pairs are 4,000,000


@pytest.mark.parametrize("k", [0, 4, 5])
def test_as_many_neighbours_as_rows_are_refused_with_both_numbers(k: int) -> None:
    with pytest.raises(ConfigError, match=f"{k} neighbours were asked for among 4 rows, which have 3 each"):
        neighbours(normal(4, 2), k)


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(ConfigError, match="'manhattan'; allowed are 'euclidean' and 'cosine'"):
        neighbours(normal(4, 2), 1, metric="manhattan")


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_nan_and_infinity_are_refused_by_count_and_first_position(bad: float) -> None:
    features = normal(50, 3)
    features[[17, 40]] = bad

    with pytest.raises(BadScores, match="2 of 50 rows hold nan or infinite numbers; .* position 17"):
        refuse_nan(features)
    with pytest.raises(BadScores, match="position 17"):
        neighbours(features, 2)


def test_features_with_more_axes_are_refused() -> None:
    with pytest.raises(BadScores, match=r"\[2, 3, 4\]; they must have two axes"):
        refuse_nan(torch.zeros(2, 3, 4))


def test_zero_vectors_have_no_direction() -> None:
    features = normal(9, 3)
    features[[2, 5]] = 0

    with pytest.raises(BadScores, match="2 of 9 rows are zero vectors.*'euclidean'; the first is at position 2"):
        normalised(features)
    with pytest.raises(BadScores, match="position 2"):
        neighbours(features, 2, metric="cosine")


def test_normalised_rows_have_length_one_and_keep_their_direction_however_small_or_large() -> None:
    features = normal(40, 3)

    unit = normalised(features * torch.logspace(-30, 30, 40)[:, None])

    torch.testing.assert_close(unit.norm(dim=1), torch.ones(40))
    torch.testing.assert_close(unit, features / features.norm(dim=1, keepdim=True))
