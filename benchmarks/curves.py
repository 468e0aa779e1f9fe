"""Which strategies beat random on digits? Twenty paired seeds, real images, an oracle that errs.

Question    After k-center's 20 first labels, 20 a round up to 200, 5 % symmetric label noise: whose curve lies above
            random's, by a paired t test on the area under the curve, Holm-corrected over strategies?
Protocol    scikit-learn's digits, 1,438 pool rows and 359 test rows drawn anew by every seed; net `cnn`, trained from
            scratch each round with the default recipe, which was chosen on the random baseline alone with other seeds
            (100 and above). Strategies share split, start, initial weights and the oracle's errors at equal seeds.
Device      CPU, one thread a run. Every number is a function of the seed: jobs and machine load change nothing.

    python benchmarks/curves.py [--jobs 2] [--seeds 20] [--out DIR]     a quarter of an hour; goes on where it stood
"""

from __future__ import annotations

import argparse
from datetime import date
from importlib.metadata import version
from pathlib import Path

from results import record

from activeloop import overview, write_report
from activeloop.cli.main import main as activeloop

STRATEGIES = "random,margin,entropy,least-confidence,bald,variation-ratio,forgetting,flips,el2n,k-center,k-means"


def main(seeds: int, jobs: int, out: Path) -> None:
    command = f"""compare --data digits --start k-center --noise symmetric:0.05 --strategies {STRATEGIES}
        --set evidence.early.models=3 --seeds {seeds} --jobs {jobs} --out {out}"""
    if activeloop(command.split()) != 0:
        raise SystemExit("some runs failed; see above")
    study = write_report(out)
    [summary] = study.summaries
    verdicts = {
        word: [each.strategy for each in summary.strategies if each.against and each.against.verdict == word]
        for word in ("better", "worse", "cannot be told apart")
    }
    said = "; ".join(f"{word}: {', '.join(names) or 'none'}" for word, names in verdicts.items())
    record(
        __file__,
        f"{date.today()}, {seeds} seeds, torch {version('torch')}, CPU, el2n over 3 models.\n\n"
        f"Against random at equal seeds, {said}.\n\n```text\n{overview(study)}\n```",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/curves"))
    given = parser.parse_args()
    main(given.seeds, given.jobs, given.out)
