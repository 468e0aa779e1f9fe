"""How much stochastic passes, or the members of a committee, disagree."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import one_hot

from activeloop.acquisitions.uncertainty import entropy


def bald(samples: Tensor) -> Tensor:
    """Mutual information between a row's label and the model's weights.

    High where the passes are each confident and contradict one another; zero where they agree, however unsure they
    are: that doubt lies in the data, and no label removes it.

    samples: [n, K, C], probabilities of K stochastic passes.
    returns: [n], float64, nats, in [0, log C].
    source:  Houlsby et al. 2011, arXiv:1112.5745, eq. 2.
    """
    samples = samples.double()
    information = entropy(samples.mean(dim=1)) - entropy(samples).mean(dim=1)
    return information.clamp(min=0)  # never negative but by rounding, and `power` refuses -1e-17


def variation_ratio(samples: Tensor) -> Tensor:
    """The share of passes that do not predict the class most passes predict.

    Gal's thesis counts votes, as here; the paper prints 1 - max of the mean probability, which is `least_confidence`
    of the mean. Takes few values, so many rows tie: the picks among them are the generator's.

    samples: [n, K, C].
    returns: [n], float64, in [0, 1 - 1/min(K, C)].
    source:  Gal et al. 2017, arXiv:1703.02910, section 4.
    """
    votes = one_hot(samples.argmax(dim=-1), samples.shape[-1]).double()
    return 1 - votes.mean(dim=1).amax(dim=-1)
