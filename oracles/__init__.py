"""Whoever answers: simulated, noisy and human oracles. Imports neither activeloop nor torch."""

from oracles.annotators import Anchored, Gambler, Habituated, Overconfident, Tired, Underconfident
from oracles.conditions import Abstaining, Costly, Delayed, Named
from oracles.inbox import Inbox
from oracles.merge import dawid_skene
from oracles.noise import Noisy, asymmetric, confusable, instance, pair, symmetric, transition
from oracles.panel import Panel
from oracles.recorded import Recorded, recorded
from oracles.simulated import Simulated

__all__ = [
    "Abstaining",
    "Anchored",
    "Costly",
    "Delayed",
    "Gambler",
    "Habituated",
    "Inbox",
    "Named",
    "Noisy",
    "Overconfident",
    "Panel",
    "Recorded",
    "Simulated",
    "Tired",
    "Underconfident",
    "asymmetric",
    "confusable",
    "dawid_skene",
    "instance",
    "pair",
    "recorded",
    "symmetric",
    "transition",
]
