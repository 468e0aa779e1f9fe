"""Whoever answers: simulated, noisy and human oracles. Imports neither activeloop nor torch."""

from oracles.noise import Noisy, pair, symmetric, transition
from oracles.simulated import Simulated

__all__ = ["Noisy", "Simulated", "pair", "symmetric", "transition"]
