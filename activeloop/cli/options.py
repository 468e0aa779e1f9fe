"""Options that several commands share, and how they become a configuration."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from activeloop.config import Config

# option -> the setting it stands for
SETTINGS = {
    "data": "data.source",
    "data_dir": "data.data_dir",
    "download": "data.download",
    "classes": "data.classes",
    "labels": "data.labels",
    "features": "data.features",
    "learn_on": "data.learn_on",
    "test_fraction": "data.test_fraction",
    "imbalance": "data.imbalance",
    "image_size": "data.image_size",
    "skip_unreadable": "data.skip_unreadable",
    "cache": "data.cache",
    "augment": "data.augment",
    "start": "start.strategy",
    "initial": "start.size",
    "strategy": "acquire.strategy",
    "pick": "acquire.pick",
    "query": "query",
    "budget": "budget",
    "validation": "validation",
    "candidates": "candidates",
    "seed": "seed",
    "threads": "threads",
    "device": "device",
    "learner": "learner.name",
    "net": "learner.options.net",
    "noise": "oracle.noise",
    "target": "stop.target",
    "stop": "stop.rule",
}
FILES = ("data_dir", "classes", "labels", "features", "cache")
STAGE_FILES = ("transition", "recorded")  # stages of the oracle that read a file
NUMBER = re.compile(r"\d+")  # --classes 10


def data_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("data").add_argument
    add("--data", metavar="SOURCE", help="digits, mnist, fashion-mnist, cifar10, cifar100, svhn, or a path: .npz, .npy,"
        " a folder of .npy, a folder of images (default: digits)")  # fmt: skip
    add("--data-dir", metavar="DIR", help="where benchmarks by name lie")
    add("--download", action="store_true", default=None, help="fetch a benchmark that is not there")
    add("--classes", metavar="FILE|C", help="class names, one a line, or how many; where the data do not say")
    add("--labels", metavar="CSV", help="labels you have already: columns row or file, and label")
    add("--features", metavar="NAME", help="what selectors see: an .npy [N, D], or pca, simclr, torchvision:NAME …"
        " (`activeloop list features`; default: the inputs)")  # fmt: skip
    add("--learn-on", choices=("inputs", "features"), help="what the learner sees (inputs)")
    add("--test-fraction", type=float, metavar="F", help="held out where truth is known and no test set is (0.2)")
    add("--imbalance", action="store_true", default=None, help="keep 10 %% of the rows of half of the classes")
    add("--image-size", type=int, metavar="PX", help="scale the shorter side of images to PX and cut out the centre")
    add("--skip-unreadable", action="store_true", default=None, help="leave out images that cannot be read")
    add("--cache", metavar="DIR", help="where decoded images are kept")
    add("--augment", type=_names, metavar="A,B", help="crop and flip, batched, while training")


def run_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("run").add_argument
    add("--start", metavar="NAME", help="selector that seeds the pool, balanced:K or rows:FILE (default: random)")
    add("--initial", type=int, metavar="N", help="labels of the start (20)")
    add("--query", type=int, metavar="N", help="labels a round (20)")
    add("--budget", type=int, metavar="N", help="all labels, initial and validation ones too (200)")
    add("--validation", type=int, metavar="N", help="labels only for measuring and early stopping")
    add("--candidates", type=int, metavar="M", help="rows looked at each round; 0 is all (0)")
    add("--pick", metavar="HOW", help="from scores to picks: top, power, softmax, softrank or diverse (top)")
    add("--learner", metavar="NAME", help="supervised, sklearn:IMPORT.PATH, committee or modal:MODULE:FUNCTION")
    add("--net", metavar="NAME", help="net of the learner `supervised`: see `activeloop list nets` (cnn)")
    add("--noise", metavar="KIND:RATE", help="symmetric, pair, asymmetric, instance or confusable:RATE, or"
        " transition:FILE, of the simulated oracle (`activeloop list oracles`)")  # fmt: skip
    add("--target", type=float, metavar="A", help="stop a run once its accuracy is reached")
    add("--stop", metavar="RULE", help="what else ends a run before its budget: plateau, stabilising or"
        " classification-change; --set stop.options.window=5 and others")  # fmt: skip
    add("--threads", type=int, metavar="N", help="of one run; part of the fingerprint (1)")
    add("--device", choices=("cpu", "cuda", "auto"), help="where nets train (cpu)")
    add("--config", type=Path, metavar="TOML", help="settings from a file; options and --set win over it")
    add("--set", dest="sets", action="append", default=[], metavar="KEY=VALUE",
        help="any setting, such as acquire.beta=2 or evidence.samples.passes=50")  # fmt: skip


def configuration(given: dict[str, Any]) -> Config:
    """The configuration of a file, changed by options, changed by --set.

    Paths in it are made absolute, so that a run can be asked from another folder.
    """
    from activeloop.config import load

    chosen = {key: given.get(option) for option, key in SETTINGS.items()}
    sets = [f"{key}={_toml(value)}" for key, value in chosen.items() if value is not None]
    return with_absolute_files(load(given.get("config"), [*sets, *given.get("sets", ())]))


def with_absolute_files(config: Config) -> Config:
    """Paths made absolute, and the device that "auto" stands for here."""
    files: dict[str, Any] = {
        name: at if _is_name(name, at) else _absolute(at) for name in FILES if (at := getattr(config.data, name))
    }
    if config.device == "auto":
        from activeloop.rounds import on_this_machine

        config = on_this_machine(config)
    return replace(
        config,
        data=replace(config.data, source=absolute_source(config.data.source), **files),
        start=replace(config.start, strategy=_with_absolute_file(config.start.strategy, "rows")),
        oracle=replace(
            config.oracle,
            noise=_with_absolute_file(config.oracle.noise, *STAGE_FILES),
            stages=tuple(map(_stage_with_absolute_file, config.oracle.stages)),
        ),
    )


def _is_name(option: str, text: str) -> bool:
    """Whether this is no file: a source of features by its name, or a number of classes."""
    from activeloop.config import is_file_of_features

    is_number = option == "classes" and NUMBER.fullmatch(text) is not None
    return is_number or (option == "features" and not is_file_of_features(text))


def absolute_source(source: str) -> str:
    """A path that is there, made absolute. A benchmark stays one where a folder has its name: ./mnist is the folder."""
    from activeloop.data.benchmarks import NAMES

    return _absolute(source) if source not in NAMES and Path(source).expanduser().exists() else source


def _with_absolute_file(text: str, *kinds: str) -> str:
    """ "rows:FILE" with an absolute path; other starts as they are."""
    given, colon, file = text.partition(":")
    return f"{given}:{_absolute(file)}" if given in kinds and colon else text


def _stage_with_absolute_file(stage: Any) -> Any:
    if isinstance(stage, str):
        return _with_absolute_file(stage, *STAGE_FILES)
    if isinstance(stage, list):
        return [_stage_with_absolute_file(each) for each in stage]
    if not isinstance(stage, dict):
        return stage
    found = {name: _stage_with_absolute_file(value) if name == "annotators" else value for name, value in stage.items()}
    return {**found, "path": _absolute(stage["path"])} if isinstance(stage.get("path"), str) else found


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().resolve())


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _toml(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)  # strings, numbers, booleans and lists are written alike in TOML
