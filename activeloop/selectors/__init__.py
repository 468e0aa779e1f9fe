"""Selectors: evidence -> n picks. Those that need no model may also start a run."""

from activeloop.selectors.ccs import ccs
from activeloop.selectors.d2 import d2
from activeloop.selectors.density import dbscan, optics
from activeloop.selectors.double_end import elfs
from activeloop.selectors.k_center import k_center
from activeloop.selectors.k_center_sharded import k_center_sharded
from activeloop.selectors.k_means import k_means
from activeloop.selectors.k_means_plus_plus import k_means_plus_plus
from activeloop.selectors.probcover import probcover
from activeloop.selectors.prototypical import prototypical
from activeloop.selectors.random import random
from activeloop.selectors.typiclust import typiclust

__all__ = [
    "ccs", "d2", "dbscan", "elfs", "k_center", "k_center_sharded", "k_means", "k_means_plus_plus", "optics", "probcover",
    "prototypical", "random", "typiclust",
]  # fmt: skip
