"""What there is by name, a line each: acquisitions, selectors, learners, nets, oracles, data or evidence."""

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


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("kind", choices=(*KINDS, "data"), help="one of these")


def main(kind: str) -> int:
    from activeloop.cli.main import DONE

    lines = DATA if kind == "data" else describe(kind)
    width = max(len(name) for name, _ in lines) + 2
    for name, what in lines:
        print(f"{name:<{width}}{what}")
    return DONE
