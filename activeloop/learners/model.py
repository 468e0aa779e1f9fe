"""A trained network, looked at through rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from activeloop.errors import ConfigError, MissingEvidence
from activeloop.learners.loop import look_rows
from activeloop.learners.trunk import DROPOUTS, WHOLE_CHANNELS, dropouts, split
from activeloop.rng import derive
from activeloop.types import Data, Rows

CHECKED = 4  # rows on which a net that was cut in two must be what it was


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

        trunk, head = split(self.net, self.data.batch(torch.as_tensor(rows[:CHECKED])))

        def look(x: Tensor) -> Tensor:
            fixed = trunk(x)
            return torch.stack([_pass(head, fixed, seed, k).float().softmax(dim=1) for k in range(passes)], dim=1)

        return self._look(rows, look)

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


def _pass(head: nn.Module, fixed: tuple[Tensor, ...], seed: int, k: int) -> Tensor:
    """Forward pass k, with masks drawn from (seed, k), each shared by all rows."""
    chance = torch.Generator().manual_seed(derive(seed, k, "dropout"))
    hooks = [layer.register_forward_hook(lambda it, seen, _: _masked(it, seen[0], chance)) for layer in dropouts(head)]
    try:
        out: Tensor = head(*(part.clone() for part in fixed))  # clones, since a layer may work in place
        return out
    finally:
        for hook in hooks:
            hook.remove()


def _masked(layer: nn.Module, x: Tensor, chance: torch.Generator) -> Tensor:
    assert isinstance(layer, DROPOUTS)
    shape = (x.shape[1], *[1] * (x.dim() - 2)) if isinstance(layer, WHOLE_CHANNELS) else x.shape[1:]
    kept = torch.rand(shape, generator=chance) >= layer.p
    return x * (kept / (1 - layer.p or 1)).to(x)  # a rate of 1 keeps nothing, and 0 / 0 is not 0


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
