"""Difficulty by probes on features: how near a row is to the boundary of its cluster."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from activeloop.errors import ConfigError
from activeloop.geometry.neighbours import refuse_nan
from activeloop.learners.loop import Recipe, optimiser, set_lr
from activeloop.providers.dynamics import Dynamics, classes_in, difficulty, notes, score_called
from activeloop.rng import derive
from activeloop.types import JSON, Data, Noted

ROWS = 8192  # standardised and looked at at a time
LR = 3e-2  # a probe must be past its rise, or DUAL calls those rows hard that it learns first
BOUNDARY = "distance to the cluster boundary"
NO_INPUTS = "the inputs of this pool are features, so a probe on them stands in for a net"


def probe(
    features: Tensor, reference: Tensor, data: Data, seed: int, *, score: str = "aum", folds: int = 5, hidden: int = 0,
    epochs: int = 30, batch: int = 256, lr: float = LR, weight_decay: float = 1e-2, early: int = 10, window: int = 10,
) -> Noted:  # fmt: skip
    """Difficulty from probes on the features, each row judged by the one that was not trained on it.

    Pseudo-labels that were cut from these very features are almost separable in them, so what comes out is a distance to
    the cluster boundary and is reported as such; it sees nothing that the clustering did not see. Holding rows out keeps
    a probe from learning the errors by heart. Minutes cheaper than `proxy`, which looks at the inputs anew.

    features: [N, D].    reference: [N], class ids.    score: a name of `dynamics.SCORES`.
    folds:    probes, each trained on the others' rows.    hidden: 0 for a linear probe, else the width of one layer.
    returns:  [N], float64, high is hard, from the predictions after every epoch.
    cost:     all folds train as one: epochs * N * D * folds * (hidden or C), once for a step and once for a look.
    source:   the scores' own; cross-fitting and the caution are ours.
    """
    score_called(score)
    refuse_nan(features)
    classes = classes_in(reference, len(features), len(data.classes))
    fold = folded(reference.to(features.device), folds, seed)
    seen = Dynamics(reference.to(features.device), early=early, window=window)
    members = fold[:, None] != torch.arange(folds, device=features.device)
    held = [(fold == at).nonzero().flatten() for at in range(folds)]

    def look(heads: Heads) -> None:
        for at, rows in enumerate(held):
            for chunk in torch.split(rows, ROWS):
                seen.see(chunk, *heads.of(at, features[chunk]))

    recipe = Recipe(lr=lr, weight_decay=weight_decay, epochs=epochs, least_steps=0, batch=batch)
    heads = Heads(features, folds, classes, hidden, seed)
    heads.train(features, reference.to(features.device), members, recipe, seed, look, "probe")
    said: dict[str, JSON] = {
        "net": f"probe, {hidden} hidden" if hidden else "linear probe",
        "folds": folds,
        "epochs": epochs,
    }
    return Noted(difficulty(seen, score), notes(seen, score, BOUNDARY) | said)


def folded(reference: Tensor, folds: int, seed: int) -> Tensor:
    """[N], the fold of every row, drawn at random so that each class is spread over all of them.

    raises: ConfigError where there are fewer rows than folds.
    """
    if not 2 <= folds <= len(reference):
        raise ConfigError(
            f"{folds} folds were asked for of {len(reference):,} rows: 2 or more are needed, and at most one a row."
        )
    chance = torch.Generator().manual_seed(derive(seed, 0, "folds"))
    shuffled = torch.randperm(len(reference), generator=chance).to(reference.device)
    by_class = shuffled[reference[shuffled].argsort(stable=True)]
    return torch.empty_like(reference).scatter_(
        0, by_class, torch.arange(len(reference), device=reference.device) % folds
    )


class Heads:
    """K probes on the same features, trained as one: they differ by nothing but the rows that each of them sees.

    Features are standardised, which uses no label.
    """

    def __init__(self, features: Tensor, heads: int, classes: int, hidden: int, seed: int) -> None:
        if hidden < 0:
            raise ConfigError(f"hidden is {hidden}; it must be 0 (a linear probe) or the width of a layer.")
        self._shift, self._scale = _standard(features)
        self._heads, self._hidden = heads, hidden
        chance = torch.Generator().manual_seed(derive(seed, 0, "heads"))
        widths = [features.shape[1], *([hidden] if hidden else []), classes]
        layers = []
        for wide, out in pairwise(widths):
            # a linear probe is convex and starts at nothing; others as torch's own layers do
            bound = 1 / math.sqrt(wide) if hidden else 0.0
            weights = (torch.rand(wide, out, generator=chance) * 2 - 1) * bound
            layers += [weights.repeat(heads, 1, 1), torch.zeros(heads, 1, out)]
        self.parameters = [layer.to(features.device).requires_grad_() for layer in layers]

    def train(
        self, features: Tensor, reference: Tensor, members: Tensor, recipe: Recipe, seed: int,
        after_epoch: Callable[[Heads], None], what: str = "probe",
    ) -> None:  # fmt: skip
        """By the recipe's epochs over the rows of any head; a mini-batch is shared, and each head learns from its own.

        members: [N, K], which head sees which row.    after_epoch: called without gradients.
        """
        from tqdm import tqdm

        rows = members.any(dim=1).nonzero().flatten()
        order = torch.Generator().manual_seed(derive(seed, 0, "order"))
        steps, step = recipe.epochs * math.ceil(len(rows) / recipe.batch), 0
        stepper = optimiser(recipe, self.parameters)
        for _ in tqdm(range(recipe.epochs), desc=what, unit="epoch", leave=False, disable=None):
            shuffled = rows[torch.randperm(len(rows), generator=order).to(rows.device)]
            for at in torch.split(shuffled, recipe.batch):
                loss = self._loss(features[at], reference[at], members[at].T)
                stepper.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                set_lr(stepper, recipe.lr * recipe.factor(step, steps))
                stepper.step()
                step += 1
            with torch.no_grad():
                after_epoch(self)

    @torch.no_grad()
    def of(self, head: int, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [n, C] of one head, and the lengths [n] of what its last layer saw."""
        x = self._standardised(features)
        if self._hidden:
            x = (x @ self.parameters[0][head] + self.parameters[1][head]).relu()
        return x @ self.parameters[-2][head] + self.parameters[-1][head], x.norm(dim=1)

    def _loss(self, features: Tensor, reference: Tensor, members: Tensor) -> Tensor:
        """The sum over heads of each one's mean loss; they share no weight, so each gets its own gradient."""
        x, first = self._standardised(features), self.parameters[0]
        # one product for all heads: a batched one would copy the features for each
        logits = (x @ first.transpose(0, 1).reshape(x.shape[1], -1)).view(len(x), self._heads, -1).transpose(0, 1)
        logits = logits + self.parameters[1]
        if self._hidden:
            logits = torch.baddbmm(self.parameters[3], logits.relu(), self.parameters[2])
        target = reference.expand(self._heads, -1).flatten()
        losses = cross_entropy(logits.flatten(0, 1), target, reduction="none").view(self._heads, -1)
        return ((losses * members).sum(dim=1) / members.sum(dim=1).clamp(min=1)).sum()

    def _standardised(self, features: Tensor) -> Tensor:
        return (features.float() - self._shift) * self._scale


def _standard(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and one over the deviation of every feature; of one that never changes, 1."""
    parts = torch.split(features, ROWS)
    mean = torch.stack([part.double().sum(dim=0) for part in parts]).sum(dim=0) / len(features)
    spread = torch.stack([(part.double() - mean).square().sum(dim=0) for part in parts]).sum(dim=0) / len(features)
    return mean.float(), spread.sqrt().float().masked_fill(spread < 1e-20, 1).reciprocal()
