"""How unsure one prediction is. All are zero for a certain prediction and order two classes alike."""

from __future__ import annotations

import torch
from torch import Tensor

LEAST_LOG = -745.0  # below the logarithm of any float64 but 0


def entropy(probs: Tensor) -> Tensor:
    """How far the prediction is from certain, all classes counted.

    High where the probability is spread over many classes; prefer `margin` where only the two likeliest matter.

    probs:   [..., C], each row sums to 1.
    returns: [...], float64, nats, in [0, log C]; nan where a probability is nan or negative.
    source:  Settles 2009, section 3.1; Shannon 1948.
    """
    return 0 - p_log_p(probs.double()).sum(dim=-1)


def p_log_p(values: Tensor) -> Tensor:
    """p log p of each, 0 where p is 0 and nan where it is less; special.entr, its negative, is a third as fast."""
    return values.log().clamp_(min=LEAST_LOG).mul_(values)


def margin(probs: Tensor) -> Tensor:
    """How close the two likeliest classes are, negated: 0 where they tie, -1 where the prediction is certain.

    The baseline to beat: matched or beat every other score on 69 tables (Bahri et al. 2022). Never positive, so the
    pick `power` needs `shift=1`.

    probs:   [n, C], C at least 2.
    returns: [n], float64, in [-1, 0].
    source:  Scheffer et al. 2001; Settles 2009, section 3.1.
    """
    likeliest = probs.max(dim=-1)  # twice as fast as topk
    others = probs.scatter(-1, likeliest.indices[..., None], -torch.inf).amax(dim=-1)
    return others.double() - likeliest.values.double()


def least_confidence(probs: Tensor) -> Tensor:
    """The probability that the predicted class is wrong, by the model's own account.

    probs:   [n, C].
    returns: [n], float64, in [0, 1 - 1/C].
    source:  Lewis & Gale 1994; Settles 2009, section 3.1.
    """
    return 1 - probs.amax(dim=-1).double()
