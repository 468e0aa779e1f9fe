"""Selectors: evidence -> n picks. Those that need no model may also start a run."""

from activeloop.selectors.k_center import k_center
from activeloop.selectors.k_means import k_means
from activeloop.selectors.random import random

__all__ = ["k_center", "k_means", "random"]
