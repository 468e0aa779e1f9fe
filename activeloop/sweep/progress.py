"""Labels told by all runs, as a bar on a terminal that moves with their journals, and elsewhere a line per finished run."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from activeloop.config import Config
from activeloop.errors import StoreError
from activeloop.fold import fold
from activeloop.store.journal import FILE, read
from activeloop.sweep.grid import kind_of
from activeloop.sweep.outcome import Outcome
from activeloop.sweep.remaining import range_in_words, remaining_s

EVERY_S = 1.0  # between two looks at the journals


class Progress:
    """Of the runs that have not ended, whoever runs them: all that is known of them stands in their folders.

    runs: name -> configuration.    folders: name -> where its journal lies or will lie.
    """

    def __init__(self, runs: Mapping[str, Config], folders: Mapping[str, Path], at_a_time: int) -> None:
        from tqdm import tqdm

        self._runs, self._folders, self._at_a_time = runs, folders, at_a_time
        self._kinds = {name: kind_of(config) for name, config in runs.items()}
        self._took: dict[str, list[float]] = {}
        self._ended: dict[str, int] = {}  # name -> its whole budget: a run that reached its target ends before it
        self._seen: dict[str, tuple[int, int]] = {}  # name -> (bytes of its journal, labels told in them)
        self._is_shown = sys.stderr.isatty()
        total = sum(config.budget for config in runs.values())
        self._bar = tqdm(total=total, unit="label", file=sys.stderr, dynamic_ncols=True, disable=not self._is_shown,
                         bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} labels, {elapsed}{postfix}")  # fmt: skip
        self._is_over = threading.Event()
        self._watch = threading.Thread(target=self._look_again_and_again, daemon=True)
        if self._is_shown:
            self._watch.start()

    def finish(self, outcome: Outcome) -> None:
        self._ended[outcome.name] = self._runs[outcome.name].budget
        if outcome.whole and outcome.error is None:
            self._took.setdefault(self._kinds[outcome.name], []).append(outcome.seconds)
        reached = "failed" if outcome.error else f"{outcome.told} labels{_accuracy(outcome.metrics)}"
        done, left = len(self._ended), self._left()
        if self._is_shown:
            self._bar.set_postfix_str(f"{done}/{len(self._runs)} runs; {left}{outcome.name}: {reached}", refresh=False)
            self._look()
        else:
            print(f"[{done}/{len(self._runs)}] {left}{outcome.name}: {reached}", file=sys.stderr)

    def close(self) -> None:
        self._is_over.set()
        if self._is_shown:
            self._watch.join()
        self._bar.close()

    def _left(self) -> str:
        """ "2 to 3 min left; ", and nothing at the end or while nothing is known."""
        waiting = [kind for name, kind in self._kinds.items() if name not in self._ended]
        found = remaining_s(waiting, self._took, min(self._at_a_time, max(1, len(waiting))))
        return f"{range_in_words(*found)} left; " if found and waiting else ""

    def _look_again_and_again(self) -> None:
        while not self._is_over.wait(EVERY_S):
            self._look()

    def _look(self) -> None:
        told = sum(self._ended.get(name) or self._told(name) for name in self._runs)
        self._bar.update(max(0, told - self._bar.n))
        self._bar.refresh()

    def _told(self, name: str) -> int:
        path = self._folders[name] / FILE
        try:
            size = path.stat().st_size
            if self._seen.get(name, (-1, 0))[0] != size:
                state = fold(read(path))
                self._seen[name] = size, 0 if state is None else state.told
        except (OSError, StoreError):
            return 0  # not there yet; a journal that is damaged is refused by its run
        return self._seen[name][1]


def _accuracy(metrics: Mapping[str, float]) -> str:
    return f", accuracy {metrics['accuracy']:.1%}" if "accuracy" in metrics else ""
