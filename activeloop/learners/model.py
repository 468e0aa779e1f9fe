"""A trained network, looked at through rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from activeloop.errors import ConfigError, MissingEvidence
from activeloop.learners.loop import LOOK_ROWS, look_rows
from activeloop.learners.passes import sampled
from activeloop.learners.trunk import dropouts, split
from activeloop.types import Data, Rows

CHECKED = 4  # rows on which a net that was cut in two must be what it was
# Numbers that a layer gives of a chunk: 8 MB. torchvision's resnet18 on 32 x 32 takes 0.82 of the time in chunks of 128 rows that
# it takes in 64; the one with a stem for small images, whose layers give four times as much, wants 64.
ACTIVATIONS = 1 << 21
GROUP_BYTES = 1 << 26  # of what the trunk gives, to be held while all passes go over it


@dataclass(frozen=True, eq=False)
class NetModel:
    """Predictions, stochastic passes and embeddings of one net; nothing here trains or changes it.

    recorded: [n_watched, E, C], float16, if rows were watched.
    """

    net: nn.Module
    data: Data
    recorded: Tensor | None = None

    def on(self, data: Data) -> NetModel:
        return replace(self, data=data, recorded=None)

    def probs(self, rows: Rows) -> Tensor:
        return self._look(rows, lambda x: self.net(x).float().softmax(dim=1))

    def embed(self, rows: Rows) -> Tensor:
        """[n, D], what the last linear layer saw, flattened."""
        with _inputs_of(last_layer(self.net)) as seen:

            def look(x: Tensor) -> Tensor:
                self.net(x)
                if not seen:
                    raise MissingEvidence(
                        "this net passes its last nn.Linear by, so nothing says what its embedding is."
                    )
                return seen.pop().flatten(1).float()

            return self._look(rows, look)

    def samples(self, rows: Rows, passes: int, seed: int) -> Tensor:
        """[n, K, C]. One pass is one sampled network: its masks are the same for every row, chunk and call.

        In the mean over passes a mask acts as dropout does in training. torch and baal draw one per row instead, so
        that a pass is no network; joint scores such as BatchBALD need one that is.
        """
        if passes < 1:
            raise ConfigError(f"{passes} stochastic passes were asked for; evidence.samples.passes must be 1 or more.")
        if not dropouts(self.net):
            raise MissingEvidence("this net has no dropout, so its passes would all be equal: use the net 'cnn'.")

        at = torch.as_tensor(rows)
        some = self.data.batch(at[:CHECKED])
        step = _rows_through(self.net, some) if some.device.type == "cpu" else look_rows(self.data)
        trunk, head = split(self.net, some)
        with torch.no_grad():
            fixed = trunk(some)
            through = sampled(head, fixed, passes, seed, step)
            a_row = sum(part[0].numel() * part.element_size() for part in fixed)
            found = []
            for group in torch.split(at, max(step, GROUP_BYTES // a_row)):
                parts = [trunk(self.data.batch(chunk)) for chunk in torch.split(group, step)]
                found.append(through(tuple(map(torch.cat, zip(*parts, strict=True)))).float().softmax(dim=2))
        return torch.cat(found)

    def history(self) -> Tensor:
        if self.recorded is None:
            raise MissingEvidence("this model recorded no history: fit it with `watch`, the rows to record.")
        return self.recorded

    @torch.no_grad()  # and not inference_mode, whose tensors a strategy that trains on them could not use
    def _look(self, rows: Rows, see: Callable[[Tensor], Tensor]) -> Tensor:
        self.net.eval()
        chunks = torch.split(torch.as_tensor(rows), look_rows(self.data))
        return torch.cat([see(self.data.batch(chunk)) for chunk in chunks])


def last_layer(net: nn.Module) -> nn.Linear:
    """The last linear layer: what it sees is the embedding."""
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Linear)]
    if not layers:
        raise MissingEvidence("this net has no nn.Linear, so nothing says what its embedding is: end it in one.")
    return layers[-1]


@torch.no_grad()
def _rows_through(net: nn.Module, some: Tensor) -> int:
    """Rows at a time, so that the largest thing that a layer gives of them stays in the cache of a processor."""
    largest = [1]
    hooks = [
        layer.register_forward_hook(
            lambda _, seen, out: largest.append(out[:1].numel() if isinstance(out, Tensor) else 1)
        )
        for layer in net.modules()
    ]
    try:
        net.eval()(some.clone())
    finally:
        for hook in hooks:
            hook.remove()
    least, most = LOOK_ROWS
    return max(least, min(most, ACTIVATIONS // max(largest)))


@contextmanager
def _inputs_of(layer: nn.Module) -> Iterator[list[Tensor]]:
    seen: list[Tensor] = []

    def keep(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        seen[:] = [given[0]]

    hook = layer.register_forward_pre_hook(keep)
    try:
        yield seen
    finally:
        hook.remove()
