"""Whoever answers: simulated, noisy and human oracles. Imports neither activeloop nor torch."""

from oracles.noise import Noisy, asymmetric, confusable, instance, pair, symmetric, transition
from oracles.simulated import Simulated

__all__ = ["Noisy", "Simulated", "asymmetric", "confusable", "instance", "pair", "symmetric", "transition"]
