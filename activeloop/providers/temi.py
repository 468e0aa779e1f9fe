"""Pseudo-labels without a label: many small heads learn to put a row and its neighbours into one of C clusters."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator

import torch
from torch import Generator, Tensor

from activeloop.errors import BadScores, ConfigError
from activeloop.geometry.neighbours import neighbours as nearest
from activeloop.geometry.neighbours import refuse_huge
from activeloop.geometry.principal import principal
from activeloop.providers.consensus import aligned, averaged
from activeloop.providers.distil import Distillation
from activeloop.providers.heads import HIDDEN, LinearHeads, MlpHeads
from activeloop.rng import derive
from activeloop.types import JSON, Data, Noted

FLOOR = 0.5  # heads that agree with the chosen one on fewer rows have found other clusters: no voice in the consensus
AT_ONCE = 1 << 24  # numbers of the widest layer when all rows are looked at: 64 MB


def clusters(
    features: Tensor,
    data: Data,
    seed: int,
    *,
    classes: int = 0,
    heads: int = 50,
    layers: str = "mlp",
    epochs: int = 200,
    batch: int = 1024,
    neighbours: int = 50,
    pmi_power: float = 0.6,
    temperature: float = 0.1,
    momentum: float = 0.996,
    lr: float = 1e-4,
    warm_up: int = 20,
    weight_decay: float = 1e-4,
    consensus: bool = False,
    dimensions: int = 0,
    precision: str = "float32",
) -> Noted:
    """The cluster of every row, by TEMI: class ids in an order of their own, found without any label.

    In every epoch each row is paired with one of its nearest rows by cosine, drawn anew. After the last epoch, the head
    with the least mean loss in it is chosen, and its teacher's likeliest cluster counts. The official script keeps the
    epoch that does best on true test labels instead; the paper's average over heads is ill-posed as written, since heads
    number their clusters differently: `consensus` renumbers them first, and averages those that agree with the chosen
    head on half of the rows or more.

    features: [N, D] as they are: not centred, not scaled (an MLP with features far below or above 1 learns badly).
    classes:  0 stands for as many as `data` has.
    layers:   "mlp", as published, or "linear": centred rows at unit length, no hidden layer; its rate must be larger.
    batch:    pairs a step, at most N; the rest of an epoch that fills no batch is dropped.
    neighbours: at most N - 1.    dimensions: principal components to reduce to first, where columns are more; 0: none.
    lr:       per 256 pairs of a batch; rises from 0 over `warm_up` epochs.    precision: "float32" or "bfloat16" products.
    momentum: teachers lag 1 / (1 - momentum) steps behind: where there are only hundreds of steps in all, 0.996 leaves
              linear heads half trained, and 0.9 does not (digits, 280 steps: 0.58 and 0.90 of rows right, k-means 0.79).
    returns:  [N] int64 in [0, C), with notes: sizes of clusters, how many are occupied, how far heads agree, losses.
    cost:     neighbours 2 N² D; an epoch 14 N x heads x parameters of a head. Official settings: a day on two cores.
    raises:   ConfigError for options, and for more classes than rows; BadScores for rows that are all equal, nan, zero
              vectors, and a training that diverged.
    source:   Adaloglou et al. 2023, arXiv:2303.17896; settings of ELFS, Zheng et al. 2024, arXiv:2406.04273.
    """
    count = classes or len(data.classes)
    _check_options(count, heads, layers, epochs, batch, neighbours, dimensions, precision)
    _check_reals(lr=lr, temperature=temperature, pmi_power=pmi_power)
    if not 0 <= momentum < 1 or warm_up < 0 or not weight_decay >= 0:
        raise ConfigError(
            f"momentum is {momentum}, warm_up {warm_up} and weight_decay {weight_decay}; momentum must be 0 or more and"
            " below 1, the others 0 or more."
        )
    _check_features(features, count)
    if 0 < dimensions < features.shape[1]:
        features = principal(features, dimensions)
    near, _ = nearest(features, min(neighbours, len(features) - 1), metric="cosine")
    generator = Generator().manual_seed(derive(seed, 0, "weights of cluster heads"))
    stack = _heads(layers, features, heads, count, generator).to(features.device)
    training = Distillation(
        stack,
        temperature=temperature,
        pmi_power=pmi_power,
        momentum=momentum,
        weight_decay=weight_decay,
        bfloat16=precision == "bfloat16",
    )
    losses = _train(training, features, near, seed, epochs=epochs, batch=batch, lr=lr, warm_up=warm_up)
    return _result(training, features, losses, count, consensus)


def _heads(layers: str, features: Tensor, heads: int, classes: int, generator: Generator) -> MlpHeads | LinearHeads:
    if layers == "mlp":
        return MlpHeads(heads, features.shape[1], classes, generator)
    parts = torch.split(features, max(1, AT_ONCE // features.shape[1]))
    middle = torch.stack([part.double().sum(dim=0) for part in parts]).sum(dim=0) / len(features)
    return LinearHeads(heads, middle.float().cpu(), classes, generator)


def _train(
    training: Distillation,
    features: Tensor,
    near: Tensor,
    seed: int,
    *,
    epochs: int,
    batch: int,
    lr: float,
    warm_up: int,
) -> Tensor:
    """Mean losses [epochs, H]. Nothing waits for the device but the end of an epoch, where a bar is shown."""
    from tqdm import tqdm

    rows, (device, width) = len(features), (features.device, near.shape[1])
    batch = min(batch, rows)
    steps = rows // batch
    full, rising = lr * batch / 256, warm_up * steps
    generator = Generator(device).manual_seed(derive(seed, 0, "pairs of cluster heads"))
    means = []
    with tqdm(total=epochs, desc="clusters", unit=" epochs", file=sys.stderr, delay=1, disable=None) as bar:
        for epoch in range(epochs):
            anchors = torch.randperm(rows, generator=generator, device=device)[: steps * batch]
            drawn = torch.randint(width, (steps * batch, 1), generator=generator, device=device)
            partners = near[anchors].gather(1, drawn)[:, 0]
            seen = torch.zeros(len(training.marginal), device=device)
            for step in range(steps):
                here = slice(step * batch, (step + 1) * batch)
                pairs = features[torch.cat([anchors[here], partners[here]])].float()
                at = epoch * steps + step
                rate = full if at >= rising else full * at / max(1, rising - 1)  # from 0 on, as the code has it
                seen += training.step(pairs, rate, frozen=epoch == 0)
            means.append(seen / steps)
            bar.update()
    return torch.stack(means)


def _result(training: Distillation, features: Tensor, losses: Tensor, classes: int, consensus: bool) -> Noted:
    last = losses[-1].cpu()
    if not torch.isfinite(last).all():
        raise BadScores(
            f"training diverged: the loss of {int((~torch.isfinite(last)).sum())} of {len(last)} heads is nan or"
            " infinite. Lower lr, or scale the features down."
        )

    def looks() -> Iterator[Tensor]:
        widest = len(last) * (HIDDEN if isinstance(training.teacher, MlpHeads) else classes)
        return (training.probabilities(part.float()) for part in torch.split(features, max(1, AT_ONCE // widest)))

    chosen = int(last.argmin())
    assignments = torch.cat([part.argmax(dim=1).int() for part in looks()], dim=1)  # [H, N]
    meant, share = aligned(assignments, chosen, classes)
    kept = (share >= FLOOR).nonzero().flatten()
    found = averaged(looks(), meant, kept.to(features.device)) if consensus else assignments[chosen].long()

    sizes = torch.bincount(found, minlength=classes).cpu()
    occupied = int((sizes > 0).sum())
    if occupied < classes:
        warnings.warn(
            f"{classes - occupied} of {classes} clusters hold no row: train longer or faster (epochs, lr), or give"
            " features that tell the rows apart.",
            UserWarning,
            stacklevel=3,
        )
    notes: dict[str, JSON] = {
        "sizes": sizes.tolist(),
        "occupied": occupied,
        "largest_to_smallest": float(sizes.max() / sizes[sizes > 0].min()),
        "head_agreement": float((share.sum() - 1) / (len(share) - 1)) if len(share) > 1 else None,
        "chosen_head": chosen,
        "averaged_heads": len(kept) if consensus else 1,
        "losses": last.tolist(),
        "loss_by_epoch": losses.mean(dim=1).tolist(),
    }
    return Noted(found, notes)


def _check_options(
    classes: int, heads: int, layers: str, epochs: int, batch: int, neighbours: int, dimensions: int, precision: str
) -> None:
    if classes < 2:
        raise ConfigError(f"classes is {classes}; clusters need 2 or more: name the classes, or set the option.")
    for name, value in (("heads", heads), ("epochs", epochs), ("batch", batch), ("neighbours", neighbours)):
        if value < 1:
            raise ConfigError(f"{name} is {value}; clusters need 1 or more.")
    if layers not in ("mlp", "linear"):
        raise ConfigError(f"layers is {layers!r}; allowed are 'mlp' and 'linear'.")
    if precision not in ("float32", "bfloat16"):
        raise ConfigError(f"precision is {precision!r}; allowed are 'float32' and 'bfloat16'.")
    if dimensions < 0:
        raise ConfigError(f"dimensions is {dimensions}; it takes 0, for all, or how many to reduce to.")


def _check_reals(**given: float) -> None:
    for name, value in given.items():
        if not 0 < value < float("inf"):
            raise ConfigError(f"{name} is {value}; it must be above 0 and finite.")


def _check_features(features: Tensor, classes: int) -> None:
    refuse_huge(features)
    if len(features) < classes:
        raise ConfigError(
            f"{classes} clusters were asked for, and there are {len(features)} rows: ask for fewer (classes), or give"
            " more rows."
        )
    parts = torch.split(features, max(1, AT_ONCE // max(1, features.shape[1])))
    if all(bool((part == features[0]).all()) for part in parts):
        raise BadScores(
            f"all {len(features):,} rows have the same features, so there is no cluster to find: give features that tell"
            " rows apart."
        )
