"""Features are computed once, are known by content, and are the same however often the work is killed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from activeloop.errors import BadScores, ConfigError, UnknownName
from activeloop.features import losses, store, with_features
from activeloop.features.attach import features_of
from activeloop.types import Loaded

MakePool = Callable[..., Loaded]
TINY = {"steps": 8, "batch": 10, "width": 4, "dimensions": 6, "threads": 1}
TRAINED = ("autoencoder", "simclr", "vicreg")


def entries(cache: Path) -> list[Path]:
    return sorted((cache / "features").glob("*.npy"))


def features(loaded: Loaded, source: str = "simclr", **options: object) -> Tensor:
    found = with_features(loaded, source, {**TINY, **options}, show_progress=False).data.features
    assert found is not None
    return found


class _Interrupt:
    """Stands for a function, and raises in the middle of the call number `at`."""

    def __init__(self, real: Callable[..., object], at: int) -> None:
        self.real, self.left = real, at

    def __call__(self, *given: object, **named: object) -> object:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return self.real(*given, **named)


@pytest.mark.parametrize("source", TRAINED)
@pytest.mark.parametrize("shape", [(30, 1, 8, 8), (30, 3, 9, 12), (30, 5)], ids=str)
def test_encoders_learn_from_images_of_any_size_and_from_features(
    pool: MakePool, source: str, shape: tuple[int, ...]
) -> None:
    inputs = torch.from_numpy(np.random.default_rng(0).random(shape, dtype=np.float32))
    found = with_features(pool(inputs), source, TINY, show_progress=False).data

    assert found.features is not None
    assert found.features.shape == (30, 6)
    assert found.features.dtype == torch.float32
    assert found.features.std(dim=0).min() > 0
    assert found.features_from == f"{source}, 6 dimensions, 3 epochs on 30 rows"


@pytest.mark.parametrize("source", TRAINED)
def test_a_large_image_is_pooled_to_a_small_map(pool: MakePool, source: str) -> None:
    inputs = torch.rand(4, 3, 70, 64)

    assert features(pool(inputs), source, steps=1, batch=4).shape == (4, 6)


def test_equal_content_is_computed_once_wherever_it_lies(pool: MakePool, images: Tensor, cache: Path) -> None:
    first = features(pool(images))
    made = entries(cache)[0].stat().st_mtime_ns
    channels_last = images.clone().permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    again = features(pool(channels_last))

    assert torch.equal(first, again)
    assert [entry.stat().st_mtime_ns for entry in entries(cache)] == [made]


def test_one_changed_pixel_another_option_or_another_source_is_another_entry(
    pool: MakePool, images: Tensor, cache: Path
) -> None:
    features(pool(images))
    other = images.clone()
    other[17, 0, 3, 3] ^= 1
    features(pool(other))
    features(pool(images), seed=1)
    features(pool(images), "vicreg")

    assert len(entries(cache)) == 4


def test_a_test_set_alone_does_not_say_which_encoder_it_went_through(pool: MakePool, images: Tensor) -> None:
    other = images.flip(0)  # of equal mean and deviation
    first = with_features(pool(images, images[:3]), "simclr", TINY, show_progress=False).test
    second = with_features(pool(other, images[:3]), "simclr", TINY, show_progress=False).test

    assert first is not None
    assert second is not None
    assert not torch.equal(first.data.features, second.data.features)  # type: ignore[arg-type]


def test_a_default_that_is_written_out_is_the_same_entry(pool: MakePool, images: Tensor, cache: Path) -> None:
    features(pool(images))
    features(pool(images), temperature=0.2, seed=0)

    assert len(entries(cache)) == 1


@pytest.mark.parametrize("at", [1, 4, 7])
def test_a_training_that_is_interrupted_ends_at_the_same_bytes(
    pool: MakePool, images: Tensor, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    whole = features(pool(images)).clone()
    monkeypatch.setattr(store, "SAVE_S", 0.0)
    interrupted = {"cache": tmp_path / "other", "show_progress": False}
    counted = _Interrupt(losses.nt_xent, at)
    monkeypatch.setattr(losses, "nt_xent", counted)
    with pytest.raises(KeyboardInterrupt):
        with_features(pool(images), "simclr", TINY, **interrupted)
    assert entries(tmp_path / "other") == []

    rest = _Interrupt(counted.real, 8)
    monkeypatch.setattr(losses, "nt_xent", rest)
    resumed = with_features(pool(images), "simclr", TINY, **interrupted).data.features

    assert resumed is not None
    assert resumed.numpy().tobytes() == whole.numpy().tobytes()
    assert rest.left == at, "what was trained is not trained again"


def test_an_embedding_that_is_interrupted_goes_on_and_ends_at_the_same_bytes(
    pool: MakePool, images: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activeloop.features.pca.EMBEDDED", 7)
    options = {"dimensions": 5, "threads": 1}
    whole = with_features(pool(images), "pca", options, cache=tmp_path / "whole", show_progress=False).data.features
    monkeypatch.setattr(store, "SAVE_S", 0.0)
    real = store.embedded
    monkeypatch.setattr(store, "embedded", _Interrupt(real, 3))
    with pytest.raises(KeyboardInterrupt):
        with_features(pool(images), "pca", options, cache=tmp_path / "cut", show_progress=False)
    assert entries(tmp_path / "cut") == []

    rest = _Interrupt(real, 3)  # the first batch again, to know its width, and the last two
    monkeypatch.setattr(store, "embedded", rest)
    resumed = with_features(pool(images), "pca", options, cache=tmp_path / "cut", show_progress=False).data.features

    assert whole is not None
    assert resumed is not None
    assert resumed.numpy().tobytes() == whole.numpy().tobytes()
    assert rest.left == 0


@pytest.mark.parametrize("source", ["pca", *TRAINED])
def test_an_embedding_does_not_depend_on_the_rows_beside_it(
    pool: MakePool, images: Tensor, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    options = {"dimensions": 5, "threads": 1} if source == "pca" else TINY
    whole = with_features(pool(images, images[5:6]), source, options, show_progress=False)

    assert whole.data.features is not None
    assert whole.test is not None
    assert whole.test.data.features is not None
    torch.testing.assert_close(whole.test.data.features[0], whole.data.features[5], rtol=1e-4, atol=1e-4)


def test_rows_of_the_test_set_go_through_the_pools_encoder_and_leave_it_as_it_is(
    pool: MakePool, images: Tensor
) -> None:
    alone = features(pool(images))
    both = with_features(pool(images, images[:3] // 2), "simclr", TINY, show_progress=False)

    assert torch.equal(alone, both.data.features)
    assert both.test is not None
    assert both.test.data.features is not None
    assert both.test.data.features.shape == (3, 6)
    assert both.test.data.features_from == both.data.features_from


def test_learning_on_features_puts_them_in_the_place_of_the_inputs(pool: MakePool, images: Tensor) -> None:
    loaded = pool(images, images[:3])
    loaded = replace(loaded, data=replace(loaded.data, augment=lambda x, chance: x))
    found = with_features(loaded, "pca", {"dimensions": 4}, learn_on="features", show_progress=False)

    assert found.test is not None
    assert torch.equal(found.data.inputs, found.data.features)
    assert torch.equal(found.test.data.inputs, found.test.data.features)
    assert found.data.augment is None
    torch.testing.assert_close(found.data.batch(torch.arange(30)).std(dim=0, correction=0), torch.ones(4))
    torch.testing.assert_close(found.test.data.batch(torch.tensor([2])), found.data.batch(torch.tensor([2])))


def test_what_a_caller_writes_stays_out_of_the_cache(pool: MakePool, images: Tensor) -> None:
    first = features(pool(images))
    before = first.clone()
    first.zero_()

    assert torch.equal(features(pool(images)), before)


def test_pixels_are_the_inputs_flattened_and_are_not_kept(pool: MakePool, images: Tensor, cache: Path) -> None:
    found = with_features(pool(images), "pixels").data

    assert found.features is not None
    assert torch.equal(found.features, images.flatten(1).float())
    assert found.features_from == "pixels"
    assert entries(cache) == []


@pytest.mark.parametrize("damage", ["cut", "rows", "kind", "no notes"])
def test_a_damaged_entry_is_computed_anew_with_a_warning(
    pool: MakePool, images: Tensor, cache: Path, damage: str
) -> None:
    before = features(pool(images)).clone()
    (entry,) = entries(cache)
    if damage == "cut":
        entry.write_bytes(entry.read_bytes()[:-40])
    elif damage == "no notes":
        entry.with_suffix(".json").unlink()
    else:
        np.save(entry, np.zeros((29, 6), np.float32) if damage == "rows" else np.zeros((30, 6)))

    with pytest.warns(UserWarning, match="are damaged .* and are computed anew"):
        assert torch.equal(features(pool(images)), before)
    assert torch.equal(features(pool(images)), before)


def test_a_damaged_checkpoint_is_fitted_anew_with_a_warning(pool: MakePool, images: Tensor, cache: Path) -> None:
    before = features(pool(images)).clone()
    entries(cache)[0].unlink()
    (fitted,) = (cache / "features").glob("*.pt")
    fitted.write_bytes(fitted.read_bytes()[:200])

    with pytest.warns(UserWarning, match="cannot be read .* fitted anew"):
        assert torch.equal(features(pool(images)), before)


def test_the_threads_of_the_caller_stay_as_they_were(pool: MakePool, images: Tensor) -> None:
    with_features(pool(images), "pca", {"dimensions": 2, "threads": 2}, show_progress=False)

    assert torch.get_num_threads() == 1


def test_a_disk_without_room_is_an_error_and_nothing_is_left(
    pool: MakePool, images: Tensor, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("Usage", (), {"free": 10})())

    with pytest.raises(ConfigError, match="needs .* GB in .* pass --cache"):
        features(pool(images))
    assert not list((cache / "features").glob("*.np*")) + list((cache / "features").glob("*.partial"))


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        ("simcrl", {}, UnknownName, "did you mean 'simclr'"),
        ("torchvison", {}, UnknownName, "did you mean 'torchvision'"),
        ("torchvision:", {}, ConfigError, "write torchvision:NAME"),
        ("embeddings", {}, ConfigError, "bind"),
        ("no_such_module:net", {}, UnknownName, "cannot be imported"),
        ("simclr", {"step": 3}, ConfigError, "did you mean 'steps'"),
        ("simclr", {"steps": "many"}, ConfigError, "'many'; it takes int, by default 3000"),
        ("pixels", {"dimensions": 3}, ConfigError, "it takes none"),
        ("simclr", {"steps": 0}, ConfigError, "option 'steps' of 'simclr' is 0; allowed is 1 or more"),
        ("vicreg", {"batch": 1}, ConfigError, "allowed is 2 or more"),
        ("vicreg", {"lr": 0.0}, ConfigError, "lr must be above 0"),
        ("vicreg", {"precision": "half"}, ConfigError, "allowed are float32, bfloat16"),
        ("vicreg", {"flip": "maybe"}, ConfigError, "allowed are auto, yes, no"),
        ("simclr", {"crop": 1.5}, ConfigError, "'crop' of 'simclr' is 1.5"),
        ("simclr", {"temperature": 0.0}, ConfigError, "it must be above 0"),
        ("simclr", {"device": "tpu"}, ConfigError, "allowed are cpu, cuda"),
        ("autoencoder", {"hidden": 1.0}, ConfigError, "less than 1"),
        ("pca", {"dimensions": 31}, ConfigError, "64 values and the pool 30 rows, so 1 to 30"),
        ("pca", {"dimensions": 0}, ConfigError, "'dimensions' of 'pca' is 0"),
    ],
)
def test_bad_requests_say_what_is_allowed(
    pool: MakePool, images: Tensor, cache: Path, source: str, options: dict[str, object], error: type, message: str
) -> None:
    with pytest.raises(error, match=message):
        with_features(pool(images), source, options, show_progress=False)
    assert entries(cache) == []


@pytest.mark.parametrize("source", TRAINED)
def test_images_too_small_and_pools_too_small_are_refused(pool: MakePool, images: Tensor, source: str) -> None:
    with pytest.raises(ConfigError, match=r"at least 4 x 4, and one input here is \[1, 3, 8\]"):
        with_features(pool(images[:, :, :3]), source, TINY)
    with pytest.raises(ConfigError, match="this one has 1 row; it needs 2"):
        with_features(pool(images[:1]), source, TINY)


def test_nan_pixels_are_counted_with_the_first_row(pool: MakePool) -> None:
    inputs = torch.rand(30, 1, 8, 8)
    inputs[[4, 9], 0, 2, 2] = torch.nan

    with pytest.raises(BadScores, match="2 of 30 inputs of the pool are nan or infinite; the first is row 4"):
        with_features(pool(inputs), "simclr", TINY)
    with pytest.raises(BadScores, match="inputs of the test set"):
        with_features(pool(torch.rand(30, 1, 8, 8), inputs), "simclr", TINY)


def test_a_training_that_diverges_says_so(pool: MakePool, images: Tensor) -> None:
    with pytest.raises(BadScores, match="diverged: its loss is .* set a lower lr than"):
        features(pool(images), "vicreg", lr=1e30)


def test_learning_on_something_else_is_refused(pool: MakePool, images: Tensor) -> None:
    with pytest.raises(ConfigError, match="learn_on is 'input'; did you mean 'inputs'"):
        with_features(pool(images), "pixels", learn_on="input")


def test_a_caller_can_tell_what_came_from_the_cache(pool: MakePool, images: Tensor) -> None:
    first, _ = features_of(pool(images), "pca", {"dimensions": 3}, cache=None, show_progress=False)
    again, _ = features_of(pool(images), "pca", {"dimensions": 3}, cache=None, show_progress=False)

    assert (first.was_there, again.was_there) == (False, True)
