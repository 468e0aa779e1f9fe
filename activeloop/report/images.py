"""Rows as pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Images = Callable[[Sequence[int]], "Tensor"]  # rows -> [n, 1 or 3, H, W] in [0, 1]

IMAGE_AXES, RGB = 4, 3  # [N, channels, H, W]; of four channels the last is alpha
LOOKED_AT = 1000  # rows that tell the range of the pixels


def images_of(inputs: Tensor) -> Images | None:
    """What shows rows where inputs are images, else None; their range is that of the pool, as digits end at 16."""
    if inputs.dim() != IMAGE_AXES:
        return None
    some = inputs[:: max(1, len(inputs) // LOOKED_AT)].float()
    low, high, planes = some.min(), some.max(), RGB if inputs.shape[1] >= RGB else 1

    def show(rows: Sequence[int]) -> Tensor:
        return ((inputs[list(rows), :planes].float() - low) / (high - low).clamp(min=1e-6)).clamp(0, 1)

    return show
