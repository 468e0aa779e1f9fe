"""A power law with a floor through the curve so far: how many labels a target will take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ForecastPoint:
    """What the metric will be after this many labels, with a 95 % interval of the mean over seeds."""

    labels: float
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Backtest:
    """The last part of the curve hidden, and forecast from the rest.

    seen: labels up to which the fit looked.    labels: where the curve really ended.    forecast: there, with its
    interval.    reached: what was really measured.
    """

    seen: float
    labels: float
    forecast: ForecastPoint
    reached: float

    @property
    def error(self) -> float:
        """Forecast minus truth, in the metric's unit."""
        return self.forecast.mean - self.reached

    @property
    def is_covered(self) -> bool | None:
        """Whether the truth lies in the interval."""
        low, high = self.forecast.low, self.forecast.high
        return None if low is None or high is None else low <= self.reached <= high


@dataclass(frozen=True)
class Forecast:
    """Of one strategy: error(m) = a * m^-b + c after m labels, for a metric that is an error or one minus a score.

    a, b, c: of all seeds together; None where nothing could be fitted.
    labels: at which the mean curve meets the target, and its 95 % interval; None is "never, by this curve".
    is_reached: the target lies within the curve measured, so that nothing had to be forecast.
    cost: of those labels and of the interval's ends, where answers have one.
    curve: from the first measure to far beyond the last.    trust: why not to, in words; None where nothing is wrong.
    """

    strategy: str
    a: float | None
    b: float | None
    c: float | None
    labels: float | None
    low: float | None
    high: float | None
    is_reached: bool
    cost: tuple[float | None, float | None, float | None] | None
    curve: tuple[ForecastPoint, ...]
    backtest: Backtest | None
    trust: str | None
