"""From a name or a path to loaded data: `load`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from activeloop.data.arrays import read_directory, read_npy, read_npz
from activeloop.data.assemble import assemble
from activeloop.data.benchmarks import NAMES, read_benchmark
from activeloop.data.classes import settle
from activeloop.data.features import attach, put_in_place
from activeloop.data.folder import read_folder
from activeloop.data.raw import Raw
from activeloop.data.scratch import cache_folder
from activeloop.data.split import split_off_test, thin
from activeloop.data.tables import class_names, known_labels
from activeloop.errors import ConfigError, UnknownName, nearest
from activeloop.types import Loaded


def load(
    source: str,
    *,
    seed: int = 0,
    data_dir: Path | str | None = None,
    download: bool = False,
    classes: Path | str | None = None,
    labels: Path | str | None = None,
    features: Path | str | None = None,
    learn_on: Literal["inputs", "features"] = "inputs",
    test_fraction: float = 0.2,
    imbalance: bool = False,
    image_size: int | None = None,
    skip_unreadable: bool = False,
    cache: Path | str | None = None,
    augment: Sequence[str] = (),
) -> Loaded:
    """Inputs, truth and test set of a benchmark, of arrays on disk, or of a folder of images.

    source: one of `benchmarks.NAMES`; an .npz (x_train y_train [x_test y_test] [classes]); an .npy, a pool without
        labels; a directory of x_train.npy y_train.npy [x_test.npy y_test.npy]; a folder of images: flat, one folder a
        class, or train/ and test/ (or val/).
    seed: draws the test set and the rare classes.    data_dir: where benchmarks are.    download: fetch them there.
    classes: text file, one class name a line; needed where nothing is labelled.
    labels: CSV (`row` or `file`, `label`) of labels that the team has; rows count as in the source, before any is held
        out or dropped.
    features: .npy [N, D] that selectors see instead of the inputs, see `features.attach`.
    learn_on: "features" lets them take the place of the inputs for the learner too; images are then not even decoded.
    test_fraction: of the rows, held out where all labels are known and there is no test set, every class giving its
        share; 0 for none.
    imbalance: half of the classes, drawn at random, keep a tenth of their rows in the pool.
    image_size: side in pixels that images of a folder are scaled and cropped to.
    skip_unreadable: leave broken images out, with a warning.    cache: folder for decoded images.
    augment: "crop", "flip"; applied in training only.

    Memory maps stay memory maps: nothing is copied but the rows that a split or thinning leaves, and those go to
    unnamed files in `cache`. Rows of one folder a class are sorted by class, so a row's number tells something of its
    label; their file names tell all, and are left out.
    raises: ConfigError, UnknownName.
    """
    data_dir, classes, labels, features, cache = map(_path, (data_dir, classes, labels, features, cache))
    scratch = cache if cache is not None else cache_folder()
    in_place = features is not None and learn_on == "features"
    _check(test_fraction, image_size)
    raw = _read(
        source,
        data_dir=data_dir,
        download=download,
        unlabelled=classes is not None,
        image_size=image_size,
        skip_unreadable=skip_unreadable,
        has_features=in_place,
        scratch=scratch,
    )
    raw, names = settle(raw, class_names(classes) if classes else None, source)
    if labels is not None:
        known = known_labels(labels, names, len(raw.pool), raw.pool.names)
        raw = replace(raw, pool=replace(raw.pool, known=known))
    if features is not None:
        raw = (put_in_place if in_place else attach)(raw, features, scratch)
    raw = split_off_test(raw, seed, test_fraction, scratch)
    if imbalance:
        raw = thin(raw, len(names), seed, scratch)
    said = "" if features is None else f"{features.name}, {_width(raw)} dimensions"
    return assemble(raw, names, augment, features_from=said, in_place=in_place)


def _width(raw: Raw) -> int:
    seen = raw.pool.inputs if raw.pool.features is None else raw.pool.features
    return int(seen.shape[1])


def _check(test_fraction: float, image_size: int | None) -> None:
    if not 0 <= test_fraction < 1:
        raise ConfigError(f"the test fraction is {test_fraction}; allowed is 0 (none) or more, and less than 1.")
    if image_size is not None and image_size < 1:
        raise ConfigError(f"the image size is {image_size}; allowed is 1 pixel or more.")


def _path(given: Path | str | None) -> Path | None:
    return None if given is None else Path(given)


def _read(
    source: str,
    *,
    data_dir: Path | None,
    download: bool,
    unlabelled: bool,
    image_size: int | None,
    skip_unreadable: bool,
    has_features: bool,
    scratch: Path,
) -> Raw:
    path = Path(source).expanduser()
    if source in NAMES:
        return read_benchmark(source, data_dir, download, scratch)
    if (path / "x_train.npy").exists():
        return read_directory(path, scratch, unlabelled=unlabelled)
    if path.is_dir():
        return read_folder(
            path, image_size=image_size, skip_unreadable=skip_unreadable, cache=scratch, has_features=has_features
        )
    if path.suffix == ".npz":
        return read_npz(path, scratch, unlabelled=unlabelled)
    if path.suffix == ".npy":
        return read_npy(path, scratch)
    if path.exists() or len(path.parts) > 1:
        raise ConfigError(f"{source} is no .npz, .npy or folder; allowed are these, or one of {', '.join(NAMES)}.")
    raise UnknownName(
        f"no data source is called {source!r}{nearest(source, NAMES)}"
        f" Allowed are {', '.join(NAMES)}, or the path of an .npz, an .npy or a folder."
    )
