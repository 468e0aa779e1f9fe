"""What a report says, section by section, from its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from activeloop.report.answers import ESTIMATED, Answers, annotators, errors
from activeloop.report.curves import Record
from activeloop.report.page import tables
from activeloop.report.page.curves import curves, forecast
from activeloop.report.page.figures import gains, ranks
from activeloop.report.page.parts import Chart, Charts, Fold, Legend, Name, Part, Say, Section, Table
from activeloop.report.page.words import named, p_value, plural, share
from activeloop.report.panels import Panel, share_axes, x_range, y_range
from activeloop.report.ranks import Ranking
from activeloop.report.statistics import LEVEL
from activeloop.report.study import ConditionStudy, Study
from activeloop.report.styles import Style, styles
from activeloop.store.failure import reason

MOST_FAILURES = 10  # named on the page


@dataclass(frozen=True, eq=False)
class Material:
    """What a report is made from. answers: condition -> those of its runs, where simulations erred.

    details: of single runs.    left_out: how many runs have none.    command: that shows those too.
    curves_file: the picture beside the page.
    """

    study: Study
    panels: Sequence[Panel]
    records: Sequence[Record]
    answers: Mapping[str, Sequence[Answers]]
    details: Sequence[Fold]
    left_out: int
    command: str
    curves_file: str


def sections(given: Material) -> tuple[Section, ...]:
    """In the order of the questions: which strategy, how many labels, how sure, and what it was that ran."""
    of = given.study
    names = dict.fromkeys(each.strategy for one in of.conditions for each in one.summary.strategies)
    drawn = styles(names, of.baseline)
    found = (
        Section("verdict", "Verdict", tuple(_verdict(of))),
        Section("curves", "Acquisition curves", tuple(_curves(given, tuple(names), drawn))),
        Section("table", "Which strategy", tuple(_compared(of, drawn))),
        Section("pairs", "Which differences are noise", tuple(_pairs(of))),
        Section("ranks", "Ranks", tuple(_ranks(of, drawn))),
        Section("forecast", "How many labels", tuple(_forecasts(of, drawn))),
        Section("stops", "When to stop", tuple(_stops(of))),
        Section("answers", "How right the answers were", tuple(_answers(given))),
        Section("runs", "Run by run", tuple(_runs(given))),
        Section("reading", "How to read this", (Say(_reading(of)),)),
    )
    return tuple(section for section in found if section.parts)


def subtitle(given: Material) -> str:
    """ "accuracy of 20 runs: 4 strategies, 5 seeds, up to 200 labels"."""
    of = given.study
    strategies = {record.strategy for record in given.records}
    seeds = {record.seed for record in given.records}
    charts = f" under {len(of.conditions)} conditions" if len(of.conditions) > 1 else ""
    running = sum(record.state.stopped is None for record in given.records)
    unfinished = f"; {running} not finished, which count as far as they are" if running else ""
    return (
        f"{named(of.metric).capitalize()} of {plural(len(given.records), 'run')}:"
        f" {plural(len(strategies), 'strategy', 'strategies')}, {plural(len(seeds), 'seed')}{charts}{unfinished}."
    )


def _verdict(of: Study) -> Iterator[Part]:
    if of.verdict:
        yield Say(of.verdict, "verdict")
    if len(of.conditions) > 1:
        own = (Fold(_title(one), (Say(one.verdict, "verdict"),)) for one in of.conditions if one.verdict)
        yield Fold("Each condition by itself", tuple(own))


def _curves(given: Material, names: tuple[str, ...], drawn: Mapping[str, Style]) -> Iterator[Part]:
    of, panels = given.study, given.panels
    yield Legend(names, of.baseline)
    seeds = max((len(each.seeds) for panel in panels for each in panel.summary.strategies), default=0)
    band = "Line: mean over seeds. Band: its 95 % t interval. Faint: single seeds." if seeds > 1 else "One seed each."
    if len(panels) == 1:
        yield Chart("", curves(panels[0], drawn), band, given.curves_file)
    else:
        differing = [key for one in of.conditions for key in one.settings]
        shared = share_axes(panels, differing)
        axes = [(x_range(panels if shared else [panel]), y_range(panels if shared else [panel])) for panel in panels]
        said = f"{band} {'All charts have the same axes.' if shared else 'Axes differ: the data do.'}"
        charts = [Chart(panel.name, curves(panel, drawn, *ends)) for panel, ends in zip(panels, axes, strict=True)]
        yield Charts(tuple(charts))
        yield Say((said,), "note")
    yield Fold("The values", tuple(tables.values(one.summary, _before(one)) for one in of.conditions))


def _compared(of: Study, drawn: Mapping[str, Style]) -> Iterator[Part]:
    several = len(of.conditions) > 1
    if several:
        yield from tables.overview(of)
    for one in of.conditions:
        parts: list[Part] = [tables.compared(one, "Best area first")]
        picture = gains(one.summary, drawn)
        if picture is not None:
            said = "Point: mean. Bar: 95 % interval of paired seeds."
            parts.append(Chart(f"Area gained against {of.baseline}", picture, said))
        yield from [Fold(_title(one), tuple(parts))] if several else parts
    yield Say(tables.notes(of), "note")


def _pairs(of: Study) -> Iterator[Part]:
    if of.across is not None and len(of.across.penalties.strategies) > 1:
        count = of.across.penalties.conditions
        yield tables.penalties(of.across.penalties, f"Pairwise penalties over {count} conditions")
    several = len(of.conditions) > 1
    for one in of.conditions:
        parts: list[Part] = []
        if len(one.penalties.strategies) > 1:
            parts.append(tables.penalties(one.penalties, f"Pairwise penalties{_under(one)}"))
        if one.pairs:
            parts.append(tables.pairs(one.pairs, f"Every pair{_under(one)}"))
        if parts:
            yield from [Fold(_title(one), tuple(parts))] if several else parts
    if any(one.pairs for one in of.conditions):
        yield Say((
            f"p: two-sided paired t test of areas at equal seeds, corrected for all pairs by Holm's method; at {LEVEL:g} and"
            " above a difference counts as noise. Seeds needed: with so many a test would see this difference in 80 of 100"
            " repetitions, if it is real; in brackets, at the ends of its interval.",
        ), "note")  # fmt: skip


def _ranks(of: Study, drawn: Mapping[str, Style]) -> Iterator[Part]:
    several = len(of.conditions) > 1
    if of.across is not None and of.across.ranking is not None:
        yield from _ranking(of.across.ranking, drawn, "")
    for one in of.conditions:
        if one.ranking is not None:
            parts = tuple(_ranking(one.ranking, drawn, _under(one)))
            yield from [Fold(f"Over the seeds{_under(one)}", parts)] if several else parts


def _ranking(ranking: Ranking, drawn: Mapping[str, Style], under: str) -> Iterator[Part]:
    said = (
        f"Friedman test over {ranking.blocks} {ranking.over}: p = {p_value(ranking.p)}. Strategies under one bar"
        f" cannot be told apart (Nemenyi, level {LEVEL:g}); rank 1 is best."
    )
    out = f" Left out, since some {ranking.over} lack them: {', '.join(ranking.left_out)}." if ranking.left_out else ""
    yield Chart(f"Critical differences{under}", ranks(ranking, drawn), said + out)
    if ranking.trust is not None:
        yield Say((ranking.trust,), "warning")


def _forecasts(of: Study, drawn: Mapping[str, Style]) -> Iterator[Part]:
    several = len(of.conditions) > 1
    if several and any(one.forecasts for one in of.conditions):
        yield tables.forecast_overview(of)
    for one in of.conditions:
        fitted = [each for each in one.forecasts if each.curve]
        if not one.forecasts:
            continue
        charts = [Chart(each.strategy, forecast(one.summary, each, drawn[each.strategy])) for each in fitted]
        parts: list[Part] = [tables.forecasts(one, one.name or "By a power law with a floor")]
        doubts = tuple(f"{each.strategy}: {each.trust}" for each in one.forecasts if each.trust is not None)
        if doubts:
            parts.append(Say(doubts, "warning"))
        if charts:
            parts.append(Charts(tuple(charts)))
        yield from [Fold(_title(one), tuple(parts))] if several else parts
    if any(one.forecasts for one in of.conditions):
        yield Say((
            "Marks: measured means. Line and band: a power law with a floor, and its 95 % interval. Ring and bar: where it meets"
            " the target. Backtest: the part right of the dashed line was hidden and forecast from what lies left of it.",
        ), "note")  # fmt: skip


def _stops(of: Study) -> Iterator[Part]:
    several = len(of.conditions) > 1
    for one in of.conditions:
        if one.stops:
            found = tables.stops(one, _before(one))
            yield Fold(_title(one), (found,)) if several else found
    if any(one.stops for one in of.conditions):
        yield Say((
            f"Each rule replayed on the runs as they are: mean {of.x} at which it would have ended them, and the"
            f" {named(of.metric)} given up against the end of the run. (k/n): it would have ended k of n runs; the others count"
            " with their end.",
        ), "note")  # fmt: skip


def _answers(given: Material) -> Iterator[Part]:
    everyone = [answers for runs in given.answers.values() for answers in runs]
    for condition, runs in given.answers.items():
        found = errors(runs)
        rows = tuple(
            (Name(each.strategy), share(each.wrong), share(each.estimated),
             ", ".join(f"{true} as {told} ({share(part, 0)})" for true, told, part in each.confused))
            for each in found
        )  # fmt: skip
        if rows:
            caption = condition or "Answers that were wrong"
            yield Table(caption, ("strategy", "wrong", "estimated", "most often"), rows, (3,))
        people = annotators(runs)
        if people:
            told = tuple(
                (name, f"{one.answers:,}", share(one.true), share(one.estimated)) for name, one in people.items()
            )
            yield Table(f"By annotator{f', {condition}' if condition else ''}",
                        ("annotator", "answers", "right", "estimated"), told)  # fmt: skip
    if everyone:
        known = ESTIMATED if any(run.annotators for run in everyone) else ESTIMATED[:1]
        yield Say((f"wrong: only a simulation knows it. {'; '.join(known)}.",), "note")


def _runs(given: Material) -> Iterator[Part]:
    failed = {record.folder.name: why for record in given.records if (why := reason(record.folder)) is not None}
    if failed:
        said = [f"{name}: {why}" for name, why in failed.items()][:MOST_FAILURES]
        more = () if len(failed) == len(said) else (f"and {len(failed) - len(said):,} more",)
        yield Say((f"{plural(len(failed), 'run')} failed, and count as far as they are:", *said, *more), "warning")
    yield from given.details
    if given.left_out:
        yield Say((
            f"{plural(len(given.details), 'run is', 'runs are')} shown, and {given.left_out:,} left out to keep this page"
            f" small. All: {given.command}",
        ), "note")  # fmt: skip


def _reading(of: Study) -> tuple[str, ...]:
    better = "Less is better." if of.conditions and of.conditions[0].summary.is_falling else "More is better."
    return (
        f"Seeds are paired: at equal seeds all strategies had the same split, start, weights and errors of the oracle."
        f" Intervals are 95 %, over seeds. {better}",
        f"Area: mean height of a run's curve over the {of.x}: what the metric was on the way, not only at its end.",
        "Labels to a target: a median by Kaplan and Meier, in which a run that ended before it reached the target counts as"
        " not there yet, and not as one that never comes; > n: half of the runs had not reached it after n.",
        "Penalties: of the budgets at which two strategies were measured, the fraction at which the row is significantly better"
        " than the column. A dark column is often beaten, a dark row often wins.",
    )


def _title(one: ConditionStudy) -> str:
    return one.name or "All runs"


def _before(one: ConditionStudy) -> str:
    return f"{one.name}: " if one.name else ""


def _under(one: ConditionStudy) -> str:
    return f", {one.name}" if one.name else ""


def of_condition(answers: Sequence[Answers], records: Sequence[Record]) -> list[Answers]:
    """The answers by the names that the runs have in charts. answers: of these records, in their order."""
    return [replace(each, strategy=record.strategy) for each, record in zip(answers, records, strict=True)]
