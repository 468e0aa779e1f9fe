from __future__ import annotations

import torch
from torch.nn.functional import one_hot

from activeloop.providers.consensus import aligned, averaged


def test_heads_that_differ_by_numbering_alone_agree_on_every_row() -> None:
    first = torch.tensor([0, 0, 1, 2, 2, 1])
    renumbered = torch.tensor([2, 0, 1])[first]

    meant, share = aligned(torch.stack([renumbered, first]).int(), 1, 3)

    assert meant[0][renumbered].tolist() == first.tolist()
    assert meant[1].tolist() == [0, 1, 2]
    assert share.tolist() == [1, 1]


def test_agreement_is_the_share_of_rows_in_matching_clusters() -> None:
    meant, share = aligned(torch.tensor([[0, 0, 0, 1], [1, 1, 0, 0]]).int(), 1, 2)

    assert meant[0].tolist() == [1, 0]
    assert share.tolist() == [0.75, 1]


def test_clusters_that_no_head_uses_still_match_one_to_one() -> None:
    meant, _ = aligned(torch.tensor([[3, 3, 1], [0, 0, 2]]).int(), 1, 4)

    assert sorted(meant[0].tolist()) == [0, 1, 2, 3]
    assert meant[0][[3, 1]].tolist() == [0, 2]


def test_the_average_renumbers_first_and_hears_the_kept_heads_only() -> None:
    own = torch.tensor([[0.6, 0.4], [0.1, 0.9]]).T  # [C, n]: clusters 0 and 1
    swapped = own.flip(0)
    louder = one_hot(torch.tensor([1, 0]), 2).T.float()
    probabilities = torch.stack([own, swapped, louder])
    meant = torch.tensor([[0, 1], [1, 0], [0, 1]])

    found = averaged([probabilities[..., :1], probabilities[..., 1:]], meant, torch.tensor([0, 1]))

    assert found.tolist() == [0, 1]
    assert averaged([probabilities], meant, torch.tensor([0, 1, 2])).tolist() == [1, 1]
