"""Difficulty by a proxy: a net trained on pseudo-labels, and watched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn

from activeloop.data.augment import chain
from activeloop.errors import ConfigError
from activeloop.learners.loop import Batches, seeded, train
from activeloop.learners.model import last_layer
from activeloop.learners.supervised import Supervised
from activeloop.providers.dynamics import Dynamics, classes_in, difficulty, notes, score_called
from activeloop.providers.probe import NO_INPUTS, probe
from activeloop.rng import derive
from activeloop.types import JSON, Augment, Data, Noted


def proxy(
    features: Tensor, reference: Tensor, data: Data, seed: int, *, score: str = "aum", net: str = "resnet18",
    width: int = 0, epochs: int = 200, batch: int = 256, lr: float = 0.1, optimiser: str = "sgd", momentum: float = 0.9,
    weight_decay: float = 5e-4, schedule: str = "cosine", augment: str = "crop,flip", early: int = 10, window: int = 10,
    precision: str = "float32",
) -> Noted:  # fmt: skip
    """Difficulty from the training of a net on the inputs and their pseudo-labels, the labels of nobody.

    The net sees the inputs anew, so a row whose looks contradict its cluster is learnt late or never; scores are read
    from the very forward passes that training makes, augmented and before the update. Where a pool is features and no
    more, there is nothing to see anew: `probe` takes over with the same score and epochs, and the notes say so.

    features:  [N, D], used only by a probe.    reference: [N], class ids.    score: a name of `dynamics.SCORES`.
    net:       a name of `activeloop list nets`.    width: its option of that name; 0 leaves it as it is.
    augment:   names with commas, "" for none; a pool that is augmented anyway stays as it is. Do not flip digits.
    early:     epochs of EL2N and GraNd.    window: epochs of DUAL and Dyn-Unc.
    returns:   [N], float64, high is hard, never-learnt rows at the hard end.
    cost:      one training on the whole pool; O(N) memory beside it.
    raises:    BadScores where training diverges, or the reference is one class.
    source:    Zheng et al. 2025, arXiv:2406.04273 (ResNet-18, 200 epochs, AUM); there the score is kept of every epoch and
               class, and the cosine ends at 1e-4 instead of 0.
    """
    score_called(score)
    classes = classes_in(reference, len(data), len(data.classes))
    if data.inputs.dim() == 2:
        return _probed(features, reference, data, seed, score, epochs, early, window)
    data = replace(data, augment=_augment(data, augment), classes=tuple(map(str, range(classes))))
    recipe = Supervised(
        optimiser=optimiser, lr=lr, weight_decay=weight_decay, momentum=momentum, schedule=schedule,  # type: ignore[arg-type]
        epochs=epochs, least_steps=0, batch=batch, precision=precision,  # type: ignore[arg-type]
        net=net, net_options={"width": width} if width else {},
    )  # fmt: skip
    seen = Dynamics(reference.to(data.mean.device), early=early, window=window)
    watched(recipe, data, seen, derive(seed, 0, "proxy"))
    called = net + (f" of width {width}" if width else "")
    found = difficulty(seen, score).to(features.device)
    said: dict[str, JSON] = {"net": called, "epochs": epochs, "augment": list(getattr(data.augment, "names", ()))}
    return Noted(found, notes(seen, score, f"{score} of a {called} trained on clusters") | said)


def watched(recipe: Supervised, data: Data, seen: Dynamics, seed: int) -> nn.Module:
    """A net trained on all rows with the reference of `seen`, which watches it."""
    from tqdm import tqdm

    rows = torch.arange(len(data), device=data.mean.device)
    batches = Batches(data, rows, seen.reference, recipe.batch, seed)
    with seeded(seed), tqdm(total=recipe.epochs, desc="proxy", unit="epoch", leave=False, disable=None) as bar:
        net = recipe.tried(data)
        with _lengths(net) as lengths:
            train(
                net,
                batches,
                recipe,
                watch_step=lambda at, logits: seen.see(at, logits, lengths.pop() if lengths else None),
                after_epoch=lambda epoch: bool(bar.update()) and False,
            )
    return net


@contextmanager
def _lengths(net: nn.Module) -> Iterator[list[Tensor]]:
    """Inside, the list holds the lengths [n] of what the last layer saw last; nothing for nets that have none."""
    seen: list[Tensor] = []

    def keep(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        seen[:] = [given[0].detach().flatten(1).float().norm(dim=1)]

    hook = last_layer(net).register_forward_pre_hook(keep)
    try:
        yield seen
    finally:
        hook.remove()


def _augment(data: Data, names: str) -> Augment | None:
    if data.augment is not None or not names.strip():
        return data.augment
    if data.inputs.dim() != 4:
        raise ConfigError(
            f"the augmentations {names!r} need images [N, channels, H, W], and the inputs are {list(data.inputs.shape)}:"
            " give augment=''."
        )
    return chain([name.strip() for name in names.split(",")])


def _probed(
    features: Tensor, reference: Tensor, data: Data, seed: int, score: str, epochs: int, early: int, window: int
) -> Noted:
    found = probe(features, reference, data, seed, score=score, epochs=epochs, early=early, window=window)
    return Noted(found.value, {**found.notes, "instead_of_a_net": NO_INPUTS})
