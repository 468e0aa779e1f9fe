"""Means and deviations agree with numpy, also where they are hard to compute."""

from __future__ import annotations

import numpy as np
import pytest

from activeloop.data.scale import mean_and_std


def test_images_are_measured_by_channel() -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 5), dtype=np.uint8)

    mean, std = mean_and_std(images)

    assert mean.shape == std.shape == (3, 1, 1)
    np.testing.assert_allclose(mean.ravel(), images.mean(axis=(0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(std.ravel(), images.std(axis=(0, 2, 3)), rtol=1e-6)


def test_features_are_measured_one_by_one_in_chunks_and_far_from_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activeloop.data.scratch.CHUNK_BYTES", 1000)
    features = (np.random.default_rng(0).normal(size=(500, 4)) * 3 + [0, 1, 100, 1e4]).astype(np.float32)

    mean, std = mean_and_std(features)

    np.testing.assert_allclose(mean, features.mean(axis=0, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(std, features.std(axis=0, dtype=np.float64), rtol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e7])
def test_what_is_constant_has_deviation_1(value: float) -> None:
    mean, std = mean_and_std(np.full((10_001, 2), value, np.float32))

    assert std.tolist() == [1, 1]
    np.testing.assert_allclose(mean, value, rtol=1e-6)
