"""Two looks at the same rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor

from activeloop.features import views

View = Callable[[Tensor, Generator], Tensor]
EVERY: dict[str, View] = {
    "crop": lambda x, g: views.crop(x, g, least=0.3, turn=20.0),
    "recolour": views.recolour,
    "flip": views.flip,
    "image": lambda x, g: views.image(x, g, colour=True, least=0.0, mirrored=True),
}


def chance(seed: int = 0) -> Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int = 6, channels: int = 3) -> Tensor:
    return torch.rand((n, channels, 12, 9), generator=chance(7))


@pytest.mark.parametrize("name", EVERY)
def test_a_view_keeps_shape_and_range_and_leaves_the_images_as_they_are(name: str) -> None:
    for channels in (1, 3):
        images = pictures(channels=channels)
        before = images.clone()
        seen = EVERY[name](images, chance())

        assert seen.shape == images.shape
        assert seen.min() >= 0
        assert seen.max() <= 1
        assert torch.equal(images, before)


@pytest.mark.parametrize("name", EVERY)
def test_equal_chance_gives_equal_views_and_rows_differ(name: str) -> None:
    images = pictures(1).expand(64, -1, -1, -1)
    seen = EVERY[name](images, chance())

    assert torch.equal(seen, EVERY[name](images, chance()))
    assert len(torch.unique(seen.flatten(1), dim=0)) > 1


def test_a_cut_of_the_whole_image_is_the_image() -> None:
    torch.testing.assert_close(views.crop(pictures(), chance(), least=1.0, stretch=1.0), pictures())


def test_a_cut_never_shows_what_is_not_in_the_image() -> None:
    ramp = torch.linspace(0.3, 0.7, 108).reshape(1, 1, 12, 9).expand(50, -1, -1, -1)
    seen = views.crop(ramp, chance(), least=0.2, turn=45.0)

    assert seen.min() >= 0.3 - 1e-6
    assert seen.max() <= 0.7 + 1e-6


def test_a_small_cut_of_a_ramp_spans_the_share_that_was_asked_for() -> None:
    ramp = torch.linspace(0, 1, 101)[None, None, None].expand(200, 1, 101, 101)
    seen = views.crop(ramp, chance(), least=0.25, stretch=1.0)
    width = seen.amax(dim=(1, 2, 3)) - seen.amin(dim=(1, 2, 3))

    assert width.min() >= 0.5 - 0.03
    assert width.max() <= 1.0 + 1e-6


def test_no_strength_leaves_colours_as_they_are() -> None:
    torch.testing.assert_close(views.recolour(pictures(), chance(), strength=0.0, grey=0.0), pictures())


def test_an_image_that_loses_its_colours_has_equal_channels() -> None:
    seen = views.recolour(pictures(100), chance(), strength=0.0, grey=1.0)
    grey = (seen.amax(dim=1) - seen.amin(dim=1)).amax(dim=(1, 2)) < 0.01

    assert 60 < grey.sum() < 100, "four in five are changed at all"


def test_half_of_the_images_are_mirrored() -> None:
    images = pictures(200)
    seen = views.flip(images, chance())
    mirrored = [torch.equal(now, was.flip(2)) for now, was in zip(seen, images, strict=True)]

    assert 70 < sum(mirrored) < 130


def test_features_keep_their_scale_and_lose_a_share_to_their_mean() -> None:
    rows = torch.randn((4000, 2), generator=chance(1)) * torch.tensor([1.0, 100.0]) + torch.tensor([5.0, -300.0])
    mean, std = torch.tensor([5.0, -300.0]), torch.tensor([1.0, 100.0])
    seen = views.features(rows, mean, std, chance())

    hidden = (seen == mean).float().mean()
    assert abs(hidden - views.HOLES) < 0.03
    torch.testing.assert_close(
        (seen - mean).div(std).std(dim=0), torch.full((2,), (1.09 * 0.7) ** 0.5), rtol=0.05, atol=0
    )
