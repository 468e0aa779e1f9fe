"""Numbers -> sentences that a manager can read: which strategy, how many labels, how sure.

Each says only what its numbers bear, and what is missing where they bear nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from activeloop.report.statistics import LEVEL, MOST_SEEDS

if TYPE_CHECKING:
    from activeloop.report.forecast import Forecast
    from activeloop.report.pairs import Pair, SeedsNeeded
    from activeloop.report.ranks import Ranking
    from activeloop.report.study import Across, ConditionStudy, Needed
    from activeloop.report.summary import Summary

FEW_SEEDS = 5
NAMED = 2  # pairs that are named one by one
SPOKEN = 6  # conditions that are spoken of one by one


@dataclass(frozen=True)
class Goal:
    """How a target and labels are spoken of.    x: "labels" or "cost"."""

    metric: str
    target: float
    x: str = "labels"

    def __str__(self) -> str:
        """ "90 % accuracy", "a loss of 0.35"."""
        name = self.metric.replace("_", " ")
        if "accuracy" in self.metric and 0 <= self.target <= 1:
            return f"{100 * self.target:.3g} % {name}"
        return f"{'an' if name[0] in 'aeiou' else 'a'} {name} of {self.target:g}"

    def many(self, number: float) -> str:
        """ "77 labels", "a cost of 12.5"."""
        return f"{self.plain(number)} labels" if self.x == "labels" else f"a cost of {self.plain(number)}"

    def plain(self, number: float) -> str:
        return f"{number:,.0f}" if self.x == "labels" or abs(number) >= 100 else f"{number:.3g}"

    def between(self, low: float | None, high: float | None) -> str:
        """ "56–98", "56 or more"."""
        if low is None or high is None:
            return "unknown" if low is None and high is None else f"{self.plain(low or 0)} or more"
        return self.plain(low) if self.plain(low) == self.plain(high) else f"{self.plain(low)}–{self.plain(high)}"


def of_condition(one: ConditionStudy, unfinished: int = 0) -> tuple[str, ...]:
    """The sentences of one chart.    unfinished: runs that go on."""
    summary = one.summary
    if not summary.strategies:
        return (f"No model has been measured by {summary.metric.replace('_', ' ')} yet.",)
    best = summary.strategies[0].strategy
    said = (*which(summary, one.pairs), *labels(one), *noise(one.pairs, best))
    if unfinished:
        return (*said, f"{unfinished} {_plural(unfinished, 'run is', 'runs are')} not finished: this is as of now.")
    return said


def labels(one: ConditionStudy) -> list[str]:
    """How many labels the best strategy takes, and what the best but the baseline saves."""
    summary = one.summary
    goal = Goal(summary.metric, summary.target, summary.x)
    needed = {each.strategy: each for each in one.targets[0].needed}
    forecasts = {each.strategy: each for each in one.forecasts}
    best = summary.strategies[0]
    end = max(best.last_labels.values())
    said = how_many(best.strategy, needed[best.strategy], forecasts.get(best.strategy), goal, end)
    rival = next((each.strategy for each in summary.strategies if each.strategy != summary.baseline), None)
    if rival is not None and summary.baseline in needed:
        said += saves(needed[rival], needed[summary.baseline], goal)
    return said


def which(summary: Summary, pairs: Sequence[Pair]) -> list[str]:
    """Which strategy is best, as far as that is known."""
    best, seeds = summary.strategies[0].strategy, _seeds(summary)
    others = [each.strategy for each in summary.strategies[1:]]
    if not others:
        return [f"Only {best} was run: there is nothing to compare it with."]
    if seeds < 2:
        return [
            f"{best} did best over the whole budget, but with one seed that may be chance: run {FEW_SEEDS} or more."
        ]
    beaten = [pair.second for pair in pairs if pair.first == best and pair.verdict == "better"]
    tied = [name for name in others if name not in beaten]
    if not tied:
        return [
            f"{best} is the best of {len(others) + 1} strategies: over the whole budget it lies above"
            f" {'the other' if len(others) == 1 else 'every other'} by more than chance explains ({seeds} seeds)."
        ]
    told = f"; from {_listed(beaten)} it can" if beaten else ""
    return [
        f"{best} did best on average over the whole budget, but with {seeds} seeds its curves as a whole cannot be told apart"
        f" from those of {_listed(tied)}{told}."
    ]


def how_many(name: str, needed: Needed, forecast: Forecast | None, goal: Goal, end: float) -> list[str]:
    """What to buy for the target.    end: where the runs ended."""
    runs = len(needed.reached)
    there = sum(labels is not None for labels in needed.reached.values())
    if there == runs == 1:
        return [f"The one run of {name} reached {goal} after {goal.many(_only(needed))}; another may need more."]
    if there == runs and needed.mean is not None:
        spread = goal.between(needed.mean.low, needed.mean.high)
        sure = (
            "" if needed.enough is None else f"; to be 95 % sure of it in a single run, plan {goal.many(needed.enough)}"
        )
        return [f"To reach {goal}, {name} needs {goal.many(needed.mean.mean)} on average ({spread}){sure}."]
    if there:
        half = "" if needed.median is None else f", half of all by {goal.many(needed.median)}"
        said = [f"{there} of {runs} runs of {name} reached {goal} within {goal.many(end)}{half}."]
    else:
        none = "The one run" if runs == 1 else f"None of the {runs} runs"
        said = [f"{none} of {name} {'did not reach' if runs == 1 else 'reached'} {goal} within {goal.many(end)}."]
    return said + ahead(name, forecast, goal)


def ahead(name: str, forecast: Forecast | None, goal: Goal) -> list[str]:
    """What the forecast says of a target that was not reached by all."""
    if forecast is None or forecast.is_reached:
        return []
    if forecast.labels is None:
        return [f"How many it would need cannot be forecast: {forecast.trust}."] if forecast.trust else []
    around = goal.between(forecast.low, forecast.high)
    doubt = f". Do not rely on it: {forecast.trust}" if forecast.trust else ""
    cost = ""
    if forecast.cost is not None and forecast.cost[0] is not None:
        cost = f", at a cost of {forecast.cost[0]:,.3g}"
    return [f"By the forecast {name} would need about {goal.many(forecast.labels)} ({around}){cost}{doubt}."]


def saves(mine: Needed, base: Needed, goal: Goal) -> list[str]:
    """What a strategy saves against the baseline to reach the target."""
    saving, one, other = mine.saving, mine.strategy, base.strategy
    if saving is None or not saving.pairs:
        return []
    if saving.labels is not None and saving.reached_both == saving.pairs:
        low, high = saving.labels.low, saving.labels.high
        if low is None or high is None:
            word = "fewer" if saving.labels.mean >= 0 else "more"
            return [
                f"With the one seed that both have, {one} needed {goal.many(abs(saving.labels.mean))} {word} than {other}."
            ]
        theirs = "" if base.mean is None else goal.many(base.mean.mean)
        if low > 0:
            share = f" of the {theirs.removeprefix('a ')}" if theirs else f" {goal.x}"
            return [
                f"With 95 % confidence {one} saves {goal.between(low, high)}{share} that {other} needs to reach {goal}."
            ]
        if high < 0:
            beside = f" than the {theirs.removeprefix('a ')} of {other}" if theirs else f" than {other}"
            return [
                f"With 95 % confidence {one} needs {goal.between(-high, -low)} {goal.x} more{beside} to reach {goal}."
            ]
        if low == high == 0:
            return [
                f"{one} saves nothing to reach {goal}: at every seed it got there with as many {goal.x} as {other}."
            ]
        return [
            f"Whether {one} saves {goal.x} is open: to reach {goal} it may take {goal.plain(high)} less than {other} or"
            f" {goal.plain(-low)} more (95 % confidence)."
        ]
    if saving.at_least is not None and saving.at_least > 0:
        return [
            f"{one} saves at least {goal.many(saving.at_least)} on average to reach {goal}: {other} did not get there"
            + (f" with {saving.reached_alone} of {saving.pairs} seeds." if saving.pairs > 1 else ".")
        ]
    if not (saving.reached_both or saving.reached_alone or saving.missed_alone):
        return [f"Neither {one} nor {other} reached {goal}, so that nothing is known of what is saved."]
    return [
        f"What is saved to reach {goal} cannot be said: {one} got there with {saving.reached_both + saving.reached_alone} of"
        f" {saving.pairs} seeds, {other} with {saving.reached_both + saving.missed_alone}."
    ]


def noise(pairs: Sequence[Pair], best: str) -> list[str]:
    """Which differences may be chance, and how many seeds would tell."""
    tied = [
        (pair, pair.needed, pair.area.n)
        for pair in pairs
        if pair.verdict == "cannot be told apart" and pair.needed and pair.area
    ]
    first = [
        f"about {needed.seeds:,} from {pair.second}" for pair, needed, _ in tied if pair.first == best and needed.seeds
    ]
    said = [f"Seeds that would be needed to tell {best} apart: {_listed(first)}."] if first else []
    others = [each for each in tied if each[0].first != best or not each[1].seeds]
    said += [
        f"{pair.first} and {pair.second} cannot be told apart with {seeds} seeds: {_enough(needed)}."
        for pair, needed, seeds in others[:NAMED]
    ]
    left = len(others) - NAMED
    return said + ([f"Nor can {left} other {_plural(left, 'pair', 'pairs')}."] if left > 0 else [])


def over_conditions(across: Across, conditions: Sequence[ConditionStudy]) -> tuple[str, ...]:
    """The sentences over all charts."""
    first: dict[str, list[str]] = {}
    for one in conditions:
        if len(one.summary.strategies) > 1:
            first.setdefault(one.summary.strategies[0].strategy, []).append(one.name)
    if not first:
        return ("No condition has two strategies to compare.",)
    compared = sum(len(names) for names in first.values())
    most = sorted(first, key=lambda name: (-len(first[name]), name))
    said = []
    if len(most) == 1:
        said.append(f"{most[0]} did best in {'both' if compared == 2 else f'all {compared}'} conditions.")
    else:
        parts = [f"{name} in {len(first[name])} ({'; '.join(first[name])})" for name in most]
        said.append(f"Which strategy did best depends on the condition: {_listed(parts)} of {compared}.")
    clear = [one.name for one in conditions if _is_clear(one)]
    said.append(
        f"Within a condition that lead is more than chance in {len(clear)} of {compared}"
        + (f" ({'; '.join(clear)})." if clear else ".")
    )
    each = (f"{one.name}: {' '.join(labels(one))}" for one in conditions if one.summary.strategies)
    return (*said, *of_ranking(across.ranking), *(each if len(conditions) <= SPOKEN else ()))


def of_ranking(ranking: Ranking | None) -> list[str]:
    """What average ranks say, and how far to trust them."""
    if ranking is None:
        return []
    best, doubt = ranking.strategies[0], f"; {ranking.trust}" if ranking.trust else ""
    if ranking.p >= LEVEL:
        return [
            f"Over {ranking.blocks} {ranking.over} the ranks of the strategies may differ by chance alone (Friedman test,"
            f" p = {ranking.p:.2g}{doubt})."
        ]
    near = [name for clique in ranking.cliques if best in clique for name in clique if name != best]
    apart = [name for name in ranking.strategies[1:] if name not in near]
    told = f"{best} ranks first and clearly before {_listed(apart)}" if apart else f"{best} ranks first"
    tied = f"; from {_listed(near)} it cannot be told apart" if near else ""
    return [
        f"Over {ranking.blocks} {ranking.over} strategies differ by more than chance (Friedman test, p = {ranking.p:.2g}{doubt})."
        f" {told}{tied}."
    ]


def _is_clear(one: ConditionStudy) -> bool:
    best = one.summary.strategies[0].strategy if one.summary.strategies else None
    against = [pair.verdict for pair in one.pairs if pair.first == best]
    return bool(against) and all(verdict == "better" for verdict in against)


def _enough(needed: SeedsNeeded) -> str:
    """How many seeds would tell two strategies apart, if they differ."""
    if needed.seeds is None:
        return f"if they differ at all, more than {MOST_SEEDS:,} would be needed"
    return f"about {needed.seeds:,} would be needed"


def _seeds(summary: Summary) -> int:
    """The fewest that a strategy has."""
    return min(len(each.seeds) for each in summary.strategies)


def _only(needed: Needed) -> float:
    return next(labels for labels in needed.reached.values() if labels is not None)


def _plural(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def _listed(names: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
