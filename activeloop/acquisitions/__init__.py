"""Acquisition functions: evidence -> scores, high = ask first. Plain functions; the signature declares what each needs."""

from activeloop.acquisitions.committee import bald, variation_ratio
from activeloop.acquisitions.dynamics import el2n, flips, forgetting
from activeloop.acquisitions.uncertainty import entropy, least_confidence, margin

__all__ = ["bald", "el2n", "entropy", "flips", "forgetting", "least_confidence", "margin", "variation_ratio"]
