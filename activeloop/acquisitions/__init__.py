"""Acquisition functions: evidence -> scores, high = ask first, or with `n` and `rng` -> picks. Plain functions; the
signature declares what each needs."""

from activeloop.acquisitions.badge import badge
from activeloop.acquisitions.batch_bald import batch_bald
from activeloop.acquisitions.cluster_margin import cluster_margin
from activeloop.acquisitions.committee import (
    bald,
    kl_to_consensus,
    mean_std,
    predictive_entropy,
    variation_ratio,
    vote_entropy,
)
from activeloop.acquisitions.dynamics import (
    aum,
    el2n,
    expected_el2n,
    flips,
    forgetting,
    grand,
    label_dispersion,
    mean_entropy,
    mean_margin,
)
from activeloop.acquisitions.epig import epig
from activeloop.acquisitions.uncertainty import entropy, least_confidence, margin

__all__ = [
    "aum", "badge", "bald", "batch_bald", "cluster_margin", "el2n", "entropy", "epig", "expected_el2n", "flips",
    "forgetting", "grand", "kl_to_consensus", "label_dispersion", "least_confidence", "margin", "mean_entropy",
    "mean_margin", "mean_std", "predictive_entropy", "variation_ratio", "vote_entropy",
]  # fmt: skip
