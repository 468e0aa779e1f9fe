"""The losses of two views, against the sums that their papers print."""

from __future__ import annotations

import math

import numpy as np
import torch

from activeloop.features.losses import nt_xent, vicreg


def views(n: int, d: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    first, second = np.random.default_rng(seed).standard_normal((2, n, d)).astype(np.float32)
    return torch.from_numpy(first), torch.from_numpy(second)


def test_nt_xent_of_two_rows_that_are_orthogonal_and_seen_alike() -> None:
    same = torch.eye(2) * 3.0

    expected = math.log(math.exp(2) + 2) - 2  # the other view at cosine 1, two views at 0; temperature 1/2
    torch.testing.assert_close(nt_xent(same, same, 0.5), torch.tensor(expected))


def test_nt_xent_is_the_mean_over_all_views_of_equation_1() -> None:
    first, second = views(5, 3, seed=0)
    z = np.concatenate([first.numpy(), second.numpy()]).astype(np.float64)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    terms = []
    for i in range(10):
        j = (i + 5) % 10
        others = sum(math.exp(z[i] @ z[k] / 0.2) for k in range(10) if k != i)
        terms.append(-math.log(math.exp(z[i] @ z[j] / 0.2) / others))

    torch.testing.assert_close(nt_xent(first, second, 0.2), torch.tensor(np.mean(terms), dtype=torch.float32))


def test_nt_xent_does_not_care_which_view_is_first_or_how_rows_are_ordered() -> None:
    first, second = views(6, 4, seed=1)
    order = torch.tensor([3, 1, 5, 0, 2, 4])

    torch.testing.assert_close(nt_xent(first, second, 0.5), nt_xent(second, first, 0.5))
    torch.testing.assert_close(nt_xent(first, second, 0.5), nt_xent(first[order], second[order], 0.5))


def test_vicreg_is_the_sum_of_its_three_terms() -> None:
    first, second = views(7, 3, seed=2)
    a, b = first.double().numpy(), second.double().numpy()
    invariance = np.mean((a - b) ** 2)
    variance = covariance = 0.0
    for z in (a, b):
        moments = np.cov(z.T)
        variance += np.mean([max(0.0, 1 - math.sqrt(moments[j, j] + 1e-4)) for j in range(3)]) / 2
        covariance += sum(moments[i, j] ** 2 for i in range(3) for j in range(3) if i != j) / 3

    expected = 25 * invariance + 25 * variance + covariance
    torch.testing.assert_close(vicreg(first, second), torch.tensor(expected, dtype=torch.float32))


def test_vicreg_of_equal_views_that_vary_by_1_in_independent_dimensions_is_0() -> None:
    corners = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])

    assert vicreg(corners, corners).item() == 0


def test_vicreg_of_rows_that_all_fall_together_is_what_the_missing_deviation_costs() -> None:
    torch.testing.assert_close(vicreg(torch.ones(4, 2), torch.ones(4, 2)), torch.tensor(25 * (1 - math.sqrt(1e-4))))
