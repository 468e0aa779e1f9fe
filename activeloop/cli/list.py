"""What there is by name: acquisitions, selectors, evidence, learners, nets, oracles, features, data; or all.

A line each with the paper that it is from, wrapped to the terminal; into a pipe, one line each.
"""

from __future__ import annotations

from argparse import ArgumentParser

from activeloop.catalogue import KINDS, Entry, describe

WIDEST = 120  # columns: longer lines are hard to read on any terminal
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

# the package that must be there -> what a strategy may be called through its bridge
BRIDGED = {
    "baal": Entry(
        "baal:NAME",
        "baal's bald, certainty, entropy, epig, margin or variance, on the same passes",
        "Atighehchian et al. 2020, arXiv:2006.09916",
    ),
    "modAL": Entry(
        "modal:NAME",
        "modAL's uncertainty_, margin_, entropy_, vote_entropy_, consensus_entropy_, max_disagreement_ or"
        " uncertainty_batch_sampling, or information_density",
        "Danka & Horvath 2018, arXiv:1805.00979",
    ),
}


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
    from shutil import get_terminal_size

    entries = _entries(kind)
    names = max(len(entry.name) for entry in entries) + 2
    columns = min(get_terminal_size(fallback=(0, 0)).columns, WIDEST)
    return "\n".join(_shown(entry, names, columns) for entry in entries)


def _entries(kind: str) -> list[Entry]:
    from importlib.util import find_spec

    from activeloop.features import describe as sources

    if kind in ("data", "features"):
        return [Entry(name, line) for name, line in (DATA if kind == "data" else sources())]
    bridged = [entry for package, entry in BRIDGED.items() if find_spec(package)] if kind == "acquisitions" else []
    return describe(kind) + bridged


def _shown(entry: Entry, names: int, columns: int) -> str:
    """Wrapped beside its name, the source on a line of its own; all in one line where there is no terminal (0 columns)."""
    from textwrap import wrap

    parts = [entry.line, f"source: {entry.source}"] if entry.source else [entry.line]
    room = max(20, columns - names)
    lines = [line for part in parts for line in wrap(part, room)] if columns else ["  ".join(parts)]
    return "\n".join(
        f"{name:<{names}}{line}" for name, line in zip([entry.name, *[""] * len(lines)], lines, strict=False)
    )
