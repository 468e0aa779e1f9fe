"""Crops and flips keep what they must and depend on the generator alone."""

from __future__ import annotations

import pickle

import pytest
import torch

from activeloop.data.augment import chain, crop, flip
from activeloop.errors import UnknownName


def at(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_same_generator_gives_the_same_batch_and_another_gives_another() -> None:
    images, both = torch.rand(64, 3, 16, 16), chain(["crop", "flip"])

    torch.testing.assert_close(both(images, at(0)), both(images, at(0)))
    assert not torch.equal(both(images, at(0)), both(images, at(1)))


@pytest.mark.parametrize("shape", [(5, 3, 32, 32), (5, 1, 28, 28), (2, 4, 8, 12), (1, 1, 3, 3)])
def test_crop_keeps_the_shape(shape: tuple[int, ...]) -> None:
    assert crop(torch.rand(shape), at(0)).shape == shape


def test_crop_shifts_every_image_by_at_most_an_eighth_of_its_side_and_all_channels_alike() -> None:
    images = torch.zeros(500, 2, 16, 16)
    images[:, :, 8, 8] = 1

    moved = crop(images, at(0))
    place = moved[:, 0].flatten(1).argmax(1)
    row, column = place // 16, place % 16

    assert set(row.tolist()) == set(column.tolist()) == {6, 7, 8, 9, 10}
    assert not torch.equal(row, column)
    torch.testing.assert_close(moved[:, 0], moved[:, 1])


def test_crop_fills_with_black() -> None:
    lit = crop(torch.ones(200, 1, 8, 8), at(0)).sum(dim=(1, 2, 3))

    assert set(lit.tolist()) == {64.0, 56.0, 49.0}  # not shifted, shifted along one axis by one pixel, along both


def test_flip_mirrors_about_half_of_the_images_left_to_right_and_leaves_the_others() -> None:
    images = torch.arange(4.0).expand(1000, 1, 2, 4)

    flipped = flip(images, at(0))
    mirrored = (flipped == images.flip(3)).all(dim=(1, 2, 3))

    assert 440 < mirrored.sum() < 560  # four standard deviations of 15.8 about 500
    assert (flipped[~mirrored] == images[~mirrored]).all()


def test_a_chain_can_be_sent_to_another_process() -> None:
    images, both = torch.rand(8, 1, 8, 8), chain(["flip", "crop"])

    torch.testing.assert_close(pickle.loads(pickle.dumps(both))(images, at(0)), both(images, at(0)))


def test_an_unknown_augmentation_is_met_with_the_nearest_and_all_allowed() -> None:
    with pytest.raises(UnknownName, match=r"'flop'; did you mean 'flip'\? Allowed: crop, flip\."):
        chain(["flop"])
