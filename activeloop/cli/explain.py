"""The plan of a run: what each room holds, its shape and bytes, and an estimate of time and memory. Trains nothing.

The time is that of one step and one look, measured now on rows of your data, times how often they will be done.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from activeloop.cli.options import configuration, data_arguments, run_arguments


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--strategy", metavar="NAME", help="what picks rows after the start (entropy)")
    parser.add_argument("--seed", type=int, metavar="K", help="0 or more (0)")
    data_arguments(parser)
    run_arguments(parser)


def main(**given: Any) -> int:
    from activeloop.cli.main import DONE
    from activeloop.cli.oracle import oracle_for
    from activeloop.cli.reference import stand_in
    from activeloop.cli.simulation import loaded
    from activeloop.config import fingerprint
    from activeloop.estimate import fits, measured, rooms, seconds, uncounted
    from activeloop.rounds import prepare, threads
    from activeloop.start import check_start

    config = configuration(given)
    data = loaded(config)
    if data.truth is not None:
        oracle_for(config, data, stand_in(data))  # refuses what the noise cannot be
    setup = prepare(config, data.data, data.test)
    check_start(setup, data.known)
    print(f"run {fingerprint(config)}: {config.acquire.strategy} on {config.data.source}, {len(data.data):,} rows,"
          f" {len(data.data.classes)} classes, test {len(data.test.labels) if data.test else 0:,} rows")  # fmt: skip
    lines = rooms(setup)
    width = max(len(line.what) for line in lines) + 2
    for line in lines:
        print(
            f"  {line.room:<6}{line.what:<{width}}{line.shape}{f'  {bytes_in_words(line.size)}' if line.size else ''}"
        )
    labels = fits(setup)
    print(f"  {len(labels)} trainings on {labels[0]}…{labels[-1]} labels, {config.budget} labels to buy"
          f"{f', {config.validation} of them for validation' if config.validation else ''}")  # fmt: skip
    with threads(config.threads):
        cost = measured(setup)
    if cost is None:
        print(f"  time: no estimate for the learner {config.learner.name}")
    else:
        print(f"  time: about {_duration(seconds(setup, cost))}, with {cost.step_s * 1e3:.2f} ms a step and"
              f" {cost.row_s * 1e6:.1f} µs a row and look")  # fmt: skip
    trained = uncounted(setup)
    if trained:
        print(
            f"        and, once for all runs on this pool, {', '.join(trained)}: minutes for the quick presets, hours for elfs"
        )
    print(f"  memory: about {bytes_in_words(sum(line.size for line in lines))} beside torch itself")
    return DONE


def bytes_in_words(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:,.0f} {unit}"
        size /= 1000
    return f"{size:,.1f} GB"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"
