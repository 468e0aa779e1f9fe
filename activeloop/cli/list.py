"""What there is by name, a line each: acquisitions, selectors, evidence, learners, nets, oracles, features, data; or all."""

from __future__ import annotations

from argparse import ArgumentParser

from activeloop.catalogue import KINDS, describe

DATA = [
    ("digits", "scikit-learn's 1,797 real 8x8 images: nothing to download"),
    (
        "mnist",
        "and fashion-mnist, cifar10, cifar100, svhn: NAME.npz or torchvision's files in --data-dir, or --download",
    ),
    ("FILE.npz", "x_train, y_train and perhaps x_test, y_test, classes"),
    ("FILE.npy", "a pool without labels, memory-mapped; name the classes by --classes"),
    ("FOLDER", "x_train.npy, y_train.npy, x_test.npy, y_test.npy, memory-mapped"),
    ("FOLDER", "images: flat (with --classes), one folder a class, or train/ and test/ of these"),
]

BRIDGED = [
    ("baal:NAME", "baal's bald, certainty, entropy, epig, margin or variance, on the same passes"),
    (
        "modal:NAME",
        "modAL's uncertainty_, margin_, entropy_, vote_entropy_, consensus_entropy_, max_disagreement_ or"
        " uncertainty_batch_sampling, or information_density",
    ),
]


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("kind", nargs="?", metavar="KIND", help="one of these; all where none is named")


def main(kind: str | None) -> int:
    from activeloop.cli.main import DONE
    from activeloop.errors import UnknownName, nearest

    kinds = (*KINDS, "features", "data")
    if kind is not None and kind not in kinds:
        raise UnknownName(f"there is no list of {kind!r}{nearest(kind, kinds)} There are {', '.join(kinds)}.")
    if kind is not None:
        print(_lines(kind))
    else:
        print("\n\n".join(f"{each}:\n{_lines(each)}" for each in kinds))
    return DONE


def _lines(kind: str) -> str:
    from activeloop.features import describe as sources

    lines = DATA if kind == "data" else sources() if kind == "features" else describe(kind)
    lines = [*lines, *(BRIDGED if kind == "acquisitions" else [])]
    width = max(len(name) for name, _ in lines) + 2
    return "\n".join(f"{name:<{width}}{what}" for name, what in lines)
