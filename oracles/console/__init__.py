"""Labelling in a terminal."""

from oracles.console.label import Question, label
from oracles.console.terminal import Terminal, here

__all__ = ["Question", "Terminal", "here", "label"]
