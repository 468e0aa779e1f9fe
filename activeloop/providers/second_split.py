"""Difficulty by what a net forgets once it goes on training on other rows."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from activeloop.errors import BadScores, ConfigError
from activeloop.learners.loop import Batches, seeded, train
from activeloop.learners.model import NetModel
from activeloop.learners.supervised import Supervised
from activeloop.providers.dynamics import classes_in, refuse_constant
from activeloop.rng import derive, rng
from activeloop.types import JSON, Data, Noted


def second_split(
    reference: Tensor, data: Data, seed: int, *, net: str = "resnet18", epochs: int = 100, second_epochs: int = 0,
    batch: int = 512, lr: float = 0.1, optimiser: str = "sgd", momentum: float = 0.9, weight_decay: float = 5e-4,
    schedule: str = "cosine", precision: str = "float32",
) -> Noted:  # fmt: skip
    """Second-split forgetting time: how soon a row is lost for good when its half of the pool is trained on no more.

    A net trains on half of the rows, then, with a fresh optimiser, on the other half alone; then the other way round, so
    that every row has a time. Rows whose pseudo-label is wrong go first, rare rows late, typical rows never: unlike AUM
    it tells wrong from rare, which is why it suits a cutoff.

    second_epochs: T, epochs of the second stage; 0 stands for `epochs`.    Features as inputs: net="mlp" or "linear".
    returns: [N], float64: T + 1 less the time, whole numbers in [0, T]. T: wrong from the first look of the second stage
             on, as rows never learnt are; 0: right at its last.
    cost:    two trainings on as many rows as there are, and a look at half of them after each second epoch.
    source:  Maini et al. 2022, arXiv:2210.15031 (there ResNet-9, a triangular learning rate and an early stop). Their code
             looks in training mode, so that batch statistics, and the buffers with them, absorb the lost half; here it
             looks in evaluation mode.
    """
    classes = classes_in(reference, len(data), len(data.classes))
    last = second_epochs or epochs
    if len(data) < 4 or last < 1:
        raise ConfigError(f"{len(data)} rows and {last} second epochs: a split needs 4 rows or more, and 1 epoch.")
    data = replace(data, classes=tuple(map(str, range(classes))))
    recipe = Supervised(
        optimiser=optimiser, lr=lr, weight_decay=weight_decay, momentum=momentum, schedule=schedule,  # type: ignore[arg-type]
        epochs=epochs, least_steps=0, batch=batch, precision=precision, net=net,  # type: ignore[arg-type]
    )  # fmt: skip
    shuffled = torch.from_numpy(rng(seed, 0, "second-split").permutation(len(data))).to(data.mean.device)
    halves = torch.tensor_split(shuffled, 2)
    labels = reference.to(data.mean.device)
    times = torch.empty(len(data), dtype=torch.int64, device=labels.device)
    learnt = []
    for own, other in (halves, halves[::-1]):
        times[own], share = forgetting_times(recipe, last, data, labels, own, other, derive(seed, 0, "second-split"))
        learnt.append(share)
    notes: dict[str, JSON] = {
        "score": "second-split forgetting time",
        "what": f"how soon a {net} forgets a row when it trains on the other half",
        "hard_end": "low",
        "net": net,
        "epochs": epochs,
        "second_epochs": last,
        "learnt_before_the_second_split": learnt,
        "never_forgotten": int((times == last + 1).sum()),
        "wrong_from_the_first_look": int((times == 1).sum()),
    }
    return Noted(
        refuse_constant((last + 1 - times).double(), "second-split forgetting time").to(reference.device), notes
    )


def forgetting_times(
    recipe: Supervised, last: int, data: Data, labels: Tensor, own: Tensor, other: Tensor, seed: int
) -> tuple[Tensor, float]:
    """Times of the rows `own`, in 1..last + 1, and the share of them that was right before the second stage."""
    from tqdm import tqdm

    times = torch.ones_like(own)
    with seeded(seed), tqdm(total=2, desc="second split", unit="stage", leave=False, disable=None) as bar:
        net = recipe.tried(data)
        train(net, Batches(data, own, labels[own], recipe.batch, derive(seed, 1, "stage")), recipe)
        bar.update()
        learnt = float(_right(net, data, labels, own).double().mean())

        def after_epoch(epoch: int) -> bool:
            times[_right(net, data, labels, own)] = epoch + 1  # wrong from the next look on, as far as is known
            return False

        second = replace(recipe, epochs=last)
        train(
            net,
            Batches(data, other, labels[other], recipe.batch, derive(seed, 2, "stage")),
            second,
            after_epoch=after_epoch,
        )
        bar.update()
    return times, learnt


def _right(net: torch.nn.Module, data: Data, labels: Tensor, rows: Tensor) -> Tensor:
    """[n], in evaluation mode and not augmented."""
    probs = NetModel(net, data).probs(rows)  # type: ignore[arg-type]
    if not bool(probs.isfinite().all()):
        raise BadScores(
            "training diverged: its probabilities are nan. Lower the learning rate (lr), or look for huge inputs."
        )
    return probs.argmax(dim=1) == labels[rows]
