"""What heads that number their clusters each in its own way have in common."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor


def aligned(assignments: Tensor, reference: int, classes: int) -> tuple[Tensor, Tensor]:
    """The renumbering of every head's clusters that agrees best with the reference head, and by how much it does.

    Clusters are matched one to one so that as many rows as possible fall to matching ones (Hungarian method).

    assignments: [H, N], the cluster of every row by every head.    reference: the head to agree with.
    returns:     [H, C] int64, the reference's cluster that stands for cluster c of head h; and the share [H] float64 of
                 rows that match, 1 for the reference itself.
    """
    from scipy.optimize import linear_sum_assignment

    heads, rows = assignments.shape
    meant = torch.empty(heads, classes, dtype=torch.int64)
    share = torch.empty(heads, dtype=torch.float64)
    for head in range(heads):
        pairs = assignments[head].long() * classes + assignments[reference]
        together = torch.bincount(pairs, minlength=classes**2).view(classes, classes).cpu().numpy()
        _, match = linear_sum_assignment(together, maximize=True)  # sorted by the head's own cluster
        meant[head] = torch.from_numpy(match)
        share[head] = together[np.arange(classes), match].sum() / rows
    return meant, share


def averaged(probabilities: Iterable[Tensor], meant: Tensor, kept: Tensor) -> Tensor:
    """The cluster that the kept heads give most probability, on average, each renumbered by `meant`.

    probabilities: parts of the rows, [H, C, n] each.    meant: [H, C].    kept: [K], heads.
    returns:       [N] int64, clusters of the reference.
    """
    found = []
    for part in probabilities:
        ours = torch.empty_like(part[kept])
        ours.scatter_(1, meant[kept].to(part.device)[:, :, None].expand_as(ours), part[kept])
        found.append(ours.mean(dim=0).argmax(dim=0))
    return torch.cat(found)
