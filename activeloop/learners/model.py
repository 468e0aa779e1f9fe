"""A trained network, looked at through rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from activeloop.errors import MissingEvidence
from activeloop.learners.loop import LOOK
from activeloop.types import Data, Rows


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
        with _inputs_of(last_layer(self.net)) as seen:
            return self._look(rows, lambda x: (self.net(x), seen[-1].flatten(1).float())[1])

    def samples(self, rows: Rows, passes: int, seed: int) -> Tensor:
        """[n, K, C]. One pass is one sampled network: its masks are the same for every row, chunk and call."""
        trunk, head = split(self.net)
        if not dropouts(head):
            raise MissingEvidence("this net has no dropout, so its passes would all be equal: use the net 'cnn'.")

        def look(x: Tensor) -> Tensor:
            x = trunk(x)
            return torch.stack([_pass(head, x, [seed, k]).float().softmax(dim=1) for k in range(passes)], dim=1)

        return self._look(rows, look)

    def history(self) -> Tensor:
        if self.recorded is None:
            raise MissingEvidence("this model recorded no history: fit it with `watch`, the rows to record.")
        return self.recorded

    @torch.inference_mode()
    def _look(self, rows: Rows, see: Callable[[Tensor], Tensor]) -> Tensor:
        self.net.eval()
        return torch.cat([see(self.data.batch(chunk)) for chunk in torch.split(torch.as_tensor(rows), LOOK)])


def dropouts(net: nn.Module) -> list[_DropoutNd]:
    """Its dropout layers that drop anything."""
    return [layer for layer in net.modules() if isinstance(layer, _DropoutNd) and layer.p > 0]


def last_layer(net: nn.Module) -> nn.Linear:
    """The last linear layer: what it sees is the embedding."""
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Linear)]
    if not layers:
        raise MissingEvidence("this net has no nn.Linear, so nothing says what its embedding is: end it in one.")
    return layers[-1]


def split(net: nn.Module) -> tuple[nn.Module, nn.Module]:
    """What stands before the first dropout, equal in every pass, and the rest; for sequential nets only."""
    if not isinstance(net, nn.Sequential):
        return nn.Identity(), net
    first = next((at for at, layer in enumerate(net) if dropouts(layer)), 0)
    return net[:first], net[first:]


def _pass(head: nn.Module, x: Tensor, seed: list[int]) -> Tensor:
    """One forward pass with masks drawn from the seed, each shared by all rows."""
    chance = torch.Generator().manual_seed(_mixed(seed))
    hooks = [layer.register_forward_hook(lambda it, seen, _: _masked(it, seen[0], chance)) for layer in dropouts(head)]
    try:
        out: Tensor = head(x)
        return out
    finally:
        for hook in hooks:
            hook.remove()


def _masked(layer: _DropoutNd, x: Tensor, chance: torch.Generator) -> Tensor:
    whole_channels = isinstance(layer, nn.Dropout1d | nn.Dropout2d | nn.Dropout3d)
    shape = (x.shape[1], *[1] * (x.dim() - 2)) if whole_channels else x.shape[1:]
    kept = torch.rand(shape, generator=chance) >= layer.p
    return x * (kept / (1 - layer.p)).to(x)


def _mixed(seed: list[int]) -> int:
    import numpy as np

    return int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> np.uint64(1))


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
