"""How much stochastic passes, or the members of a committee, disagree."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from activeloop.acquisitions.uncertainty import entropy
from activeloop.acquisitions.votes import shares

AT_ONCE = 1 << 18  # probabilities taken at a time, 2 MB of float64: what a cache holds is three times as fast


def bald(samples: Tensor) -> Tensor:
    """Mutual information between a row's label and the model's weights.

    High where the passes are each confident and contradict one another; zero where they agree, however unsure they
    are: that doubt lies in the data, and no label removes it.

    samples: [n, K, C], probabilities of K stochastic passes.
    returns: [n], float64, nats, in [0, log C].
    source:  Houlsby et al. 2011, arXiv:1112.5745, eq. 2.
    """
    return _in_parts(_information, samples)


def variation_ratio(samples: Tensor) -> Tensor:
    """The share of passes that do not predict the class most passes predict.

    Gal's thesis counts votes, as here; the paper prints 1 - max of the mean probability, which is `least_confidence`
    of the mean. Takes few values, so many rows tie: the picks among them are the generator's.

    samples: [n, K, C].
    returns: [n], float64, in [0, 1 - 1/min(K, C)].
    source:  Gal et al. 2017, arXiv:1703.02910, section 4.
    """
    return 1 - shares(samples).amax(dim=-1)


def predictive_entropy(samples: Tensor) -> Tensor:
    """How far the mean of the passes is from certain, whether they disagree or all doubt alike.

    "Max Entropy" of Gal 2017. `bald` takes away the doubt that all passes share; prefer it where labels themselves are
    ambiguous.

    samples: [n, K, C].
    returns: [n], float64, nats, in [0, log C].
    source:  Gal et al. 2017, arXiv:1703.02910, section 4.
    """
    return entropy(samples.double().mean(dim=1))


def mean_std(samples: Tensor) -> Tensor:
    """The deviation of a class's probability over the passes, averaged over classes.

    samples: [n, K, C].
    returns: [n], float64, in [0, 0.5]; deviations divide by K.
    source:  Kampffmeyer et al. 2016 and Kendall et al. 2015; Gal et al. 2017, arXiv:1703.02910, section 4.
    """
    return _in_parts(_deviation, samples)


def vote_entropy(samples: Tensor) -> Tensor:
    """How evenly the passes spread their votes over the classes: entropy of the shares.

    Like `variation_ratio` it counts votes and not probabilities, but all classes of them.

    samples: [n, K, C].
    returns: [n], float64, nats, in [0, log min(K, C)].
    source:  Dagan & Engelson 1995; Settles 2009, section 3.2.
    """
    return entropy(shares(samples))


def kl_to_consensus(samples: Tensor) -> Tensor:
    """How far the members are, on average, from their mean: the name that committees have for `bald`, and its number.

    samples: [n, K, C].
    returns: [n], float64, nats, in [0, log C].
    source:  McCallum & Nigam 1998; Settles 2009, section 3.2. That both are one: mean of KL(s || mean s) is the entropy of
             the mean less the mean entropy.
    """
    return bald(samples)


def _in_parts(score: Callable[[Tensor], Tensor], samples: Tensor) -> Tensor:
    """`score` of float64 samples, a few rows at a time."""
    step = max(1, AT_ONCE // max(1, samples.shape[1:].numel()))
    return torch.cat([score(part.double()) for part in torch.split(samples, step)])


def _information(samples: Tensor) -> Tensor:
    information = entropy(samples.mean(dim=1)) - entropy(samples).mean(dim=1)
    return information.clamp(min=0)  # never negative but by rounding, and `power` refuses -1e-17


def _deviation(samples: Tensor) -> Tensor:
    apart = samples - samples.mean(dim=1, keepdim=True)  # torch's std takes five times as long
    return apart.square_().mean(dim=1).sqrt_().mean(dim=-1)
