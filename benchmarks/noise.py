"""Where does active learning start to lose to random as answers get worse, and does a panel of three pay at equal cost?

Question    An annotator errs on 0, 10, 20 or 40 % of the rows: at random (symmetric), to the next class (pair), on rows whose
            inputs ask for it (instance), or where a reference model is unsure too (confusable). At equal answers bought, do
            entropy, bald, el2n and forgetting still beat random? And is it better to have 3 answers to each of a third of
            the rows, merged by majority, than one answer to each?
Protocol    300 answers. One annotator: 30 random rows to start, then 30 a round. Panel: 10 rows and 10 a round, three
            annotators who err alike and independently, at 3 answers a row. Accuracy is measured against true test labels. A seed
            draws split, start, weights, noise; strategies are paired by it, and so are annotator and panel.
            digits: 1,438 rows. MNIST: 60,000 rows, of which each round looks at 2,000 drawn at random.
Learner     the net `mlp` (two hidden layers of 128, dropout 0.25) by the default recipe, which knows nothing of noise; el2n
            by three early models. Nothing was tuned.
Measured    area under the accuracy curve over answers, less random's: mean over seeds with 95 % t interval, and `+` or `-` where
            the paired t test says so at 5 %, Holm-corrected over the strategies of a line. Panel less annotator the same way.
Result      2026-11-25. No strategy falls below random by noise: entropy's lead on digits, +0.03 of area without noise, stands
            at 20 % symmetric and 40 % pair noise, and can no longer be told from nothing where errors lie where a
            reference is unsure (confusable, 0.011 down to -0.001). el2n lies below random in every line, with answers right
            too. The panel never pays at equal cost: it loses 0.01 to 0.20 of area in all but four of 120 comparisons, none
            of the four clear; nearest to paying are 40 % symmetric and instance noise, where single answers are worth
            least. 3 seeds of MNIST tell little apart.
Device      CPU, one thread; runs train in lockstep. A run is a journal: the script goes on where it stood.

    ACTIVELOOP_DATA=DIR python benchmarks/noise.py [--digits 5] [--mnist 3] [--out DIR]    seeds; half an hour
    python benchmarks/noise.py --quick                                                               shows that it runs
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from results import record, said, state_of

from activeloop.cli.many import run_all
from activeloop.config import Config
from activeloop.report.statistics import area, estimate, holm, paired_p
from activeloop.sweep.grid import grid, run_name

STRATEGIES = ("random", "entropy", "bald", "el2n", "forgetting")
KINDS, RATES = ("symmetric", "pair", "instance", "confusable"), (0.1, 0.2, 0.4)
LEVEL = 0.05
ANSWERS, QUERY, MANY = 300, 30, 3

Curve = Mapping[float, float]  # answers bought -> accuracy


@dataclass(frozen=True)
class Arm:
    """A noise, a strategy, and who answers: one annotator or a panel of three."""

    noise: str
    strategy: str
    panel: bool


def table_of(data: Mapping[str, Any], seeds: Sequence[int], noises: Sequence[str], panel: bool) -> dict[str, Any]:
    """A sweep."""
    each = MANY if panel else 1
    oracles = [
        [{"kind": "panel", "annotators": [noise] * MANY}] if panel else [noise] if noise else [] for noise in noises
    ]
    return {
        "seed": list(seeds), "lockstep": True, "budget": ANSWERS // each, "query": QUERY // each, "oracle": oracles,
        "start": {"size": QUERY // each}, "acquire": {"strategy": list(STRATEGIES)},
        "learner": {"options": {"net": "mlp"}}, "evidence": {"early": {"models": 3}}, **data,
    }  # fmt: skip


def arm_of(config: Config) -> Arm:
    stage = config.oracle.stages[0] if config.oracle.stages else ""
    if isinstance(stage, str):
        return Arm(stage, config.acquire.strategy, False)
    return Arm(stage["annotators"][0], config.acquire.strategy, True)


def curves_of(configs: Sequence[Config], out: Path) -> dict[Arm, dict[int, Curve]]:
    """Arm -> seed -> curve."""
    found: dict[Arm, dict[int, Curve]] = {}
    for config in configs:
        arm = arm_of(config)
        each = MANY if arm.panel else 1
        measures = state_of(out / "runs" / run_name(config)).measures
        found.setdefault(arm, {})[config.seed] = {at.labels * each: at.metrics["accuracy"] for at in measures}
    return found


def areas(curves: Mapping[int, Curve]) -> dict[int, float]:
    found = {seed: area(list(curve), list(curve.values())) for seed, curve in curves.items()}
    return {seed: height for seed, height in found.items() if height is not None}


def against(mine: Mapping[int, Curve], theirs: Mapping[int, Curve]) -> list[float]:
    """Areas less theirs, of the seeds that both have."""
    a, b = areas(mine), areas(theirs)
    return [a[seed] - b[seed] for seed in a if seed in b]


def compared(rows: Mapping[str, Sequence[Sequence[float]]], heads: Sequence[str], first: str) -> list[str]:
    """A table of differences. rows: name -> of every column the differences by seed."""
    lines = [f"| {first} | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for name, columns in rows.items():
        tested = holm([1.0 if (p := paired_p(column)) is None else p for column in columns])
        cells = []
        for column, p in zip(columns, tested, strict=True):
            found = estimate(column)
            mark = "" if found is None or p >= LEVEL else " **+**" if found.mean > 0 else " **-**"
            cells.append(said(found, sign=True) + mark)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def section(title: str, curves: Mapping[Arm, Mapping[int, Curve]], noises: Sequence[str]) -> list[str]:
    """Three tables of one data set: accuracies, against random, panel against annotator."""
    names = {noise: noise or "none" for noise in noises}
    others = [name for name in STRATEGIES if name != "random"]
    what = f"Accuracy after {ANSWERS} answers, one annotator; in brackets three answers to each of a third of the rows."
    head = [f"| noise | {' | '.join(STRATEGIES)} |", "|---" * (len(STRATEGIES) + 1) + "|"]
    lines = [f"### {title}", "", what, "", *head]
    for noise in noises:
        cells = []
        for strategy in STRATEGIES:
            one, three = (
                estimate([curve[max(curve)] for curve in curves.get(Arm(noise, strategy, panel), {}).values()])
                for panel in (False, True)
            )
            cells.append(said(one) + (f" [{said(three)}]" if three is not None else ""))
        lines.append(f"| {names[noise]} | {' | '.join(cells)} |")
    lines += ["", "Area less random's, one annotator.", ""]
    rows = {
        names[noise]: [against(curves[Arm(noise, one, False)], curves[Arm(noise, "random", False)]) for one in others]
        for noise in noises
    }
    lines += compared(rows, others, "noise")
    lines += ["", "Area with the panel of three less that with one annotator, at equal answers.", ""]
    noisy = [noise for noise in noises if noise]
    rows = {
        noise: [against(curves[Arm(noise, one, True)], curves[Arm(noise, one, False)]) for one in STRATEGIES]
        for noise in noisy
    }
    return [*lines, *compared(rows, STRATEGIES, "noise"), ""]


def picture(curves: Mapping[Arm, Mapping[int, Curve]], path: Path) -> None:
    """Small multiples: kinds down, rates across; full lines one annotator, dashed ones the panel."""
    figure, axes = plt.subplots(len(KINDS), len(RATES), figsize=(12, 12), sharex=True, sharey=True, squeeze=False)
    for row, kind in zip(axes, KINDS, strict=True):
        for axis, rate in zip(row, RATES, strict=True):
            for colour, strategy in enumerate(STRATEGIES):
                for panel, dash in ((False, "-"), (True, "--")):
                    runs = list(curves.get(Arm(f"{kind}:{rate:g}", strategy, panel), {}).values())
                    if runs:
                        x = sorted(runs[0])
                        y = [sum(run[at] for run in runs) / len(runs) for at in x]
                        axis.plot(x, y, dash, color=f"C{colour}", label=None if panel else strategy)
            axis.set_title(f"{kind}:{rate:g}")
    handles, labels = axes[0][-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", ncols=len(STRATEGIES), bbox_to_anchor=(0.5, 1.02))
    figure.supxlabel("answers bought (full: one annotator, dashed: panel of three)")
    figure.supylabel("accuracy on true test labels")
    figure.tight_layout()
    figure.savefig(path, dpi=80, bbox_inches="tight")
    plt.close(figure)


def main(digits: int, mnist: int, out: Path, quick: bool) -> None:
    data_dir = os.environ.get("ACTIVELOOP_DATA")
    sets: dict[str, tuple[dict[str, Any], int]] = {"digits": ({}, digits)}
    if data_dir and mnist and not quick:
        sets["mnist"] = ({"data": {"source": "mnist", "data_dir": data_dir}, "candidates": 2000}, mnist)
    noises = ["", "symmetric:0.4"] if quick else ["", *(f"{kind}:{rate:g}" for kind in KINDS for rate in RATES)]
    text = []
    for name, (data, seeds) in sets.items():
        configs = [
            *grid(table_of(data, range(seeds), noises, panel=False)),
            *grid(table_of(data, range(seeds), [noise for noise in noises if noise], panel=True)),
        ]
        configs.sort(key=lambda config: config.seed)
        outcomes = run_all({run_name(one): one for one in configs}, out / name, "lockstep", 1)
        failed = [f"{at.name}: {at.error}" for at in outcomes if at.error]
        assert not failed, failed
        found = curves_of(configs, out / name)
        text += section(f"{name}, seeds 0 to {seeds - 1}", found, noises)
        picture(found, out / f"{name}.png")
    if quick:
        print("\n".join(text))
        return
    where = f"{date.today()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {version('torch')}"
    record(__file__, f"{where}; mean ± 95 % t interval over seeds.\n\n" + "\n".join(text))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--digits", type=int, default=5, help="seeds")
    parser.add_argument("--mnist", type=int, default=3, help="seeds")
    parser.add_argument("--out", type=Path, default=Path("noise-runs"))
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    if given.quick:
        given.digits = 2
    main(given.digits, given.mnist, given.out, given.quick)
