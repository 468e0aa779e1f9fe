"""A small learner that keeps the contract, and one for each way of breaking it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from activeloop.errors import ConfigError, MissingEvidence
from activeloop.testing import LearnerContract
from activeloop.testing.learner_contract import CHECKS
from activeloop.testing.trial import Trial
from activeloop.types import Data, Fit, Labels, Model, Rows


@dataclass(frozen=True, eq=False)
class Means:
    """Nearest class means, with as many stochastic passes as are asked for."""

    data: Data
    centres: Tensor  # [C, D], infinitely far where no row is labelled
    watched: Rows | None = None

    def on(self, data: Data) -> Means:
        return replace(self, data=data)

    def probs(self, rows: Rows) -> Tensor:
        return (-self._distances(rows, self.centres)).softmax(dim=1)

    def samples(self, rows: Rows, passes: int, seed: int) -> Tensor:
        return torch.stack([self._pass(rows, seed * 1000 + k) for k in range(passes)], dim=1)

    def embed(self, rows: Rows) -> Tensor:
        return self.data.batch(rows).flatten(1)

    def history(self) -> Tensor:
        if self.watched is None:
            raise MissingEvidence("no row was watched.")
        distances = self._distances(self.watched, self.centres)
        return torch.stack([(-distances / heat).softmax(dim=1) for heat in (4, 2, 1)], dim=1).half()

    def _pass(self, rows: Rows, seed: int) -> Tensor:
        noise = torch.randn(self.centres.shape, generator=torch.Generator().manual_seed(seed))
        return (-self._distances(rows, self.centres + 0.1 * noise)).softmax(dim=1)

    def _distances(self, rows: Rows, centres: Tensor) -> Tensor:
        return (self.embed(rows)[:, None] - centres).square().mean(dim=2).clamp(max=50)


class Good:
    model: type[Means] = Means

    def offers(self, data: Data) -> Mapping[str, str]:
        classes, width = len(data.classes), data.inputs[0].numel()
        shapes = {"probs": f"[n, {classes}]", "samples": f"[n, K, {classes}]", "history": f"[n, E, {classes}]"}
        return {**shapes, "embeddings": f"[n, {width}]", "early": f"[n, M, {classes}]"}

    def fit(
        self, data: Data, labels: Labels, *, seed: int, watch: Rows | None = None, validation: Labels | None = None,
        previous: Model | None = None,
    ) -> Means:  # fmt: skip
        if not (labels >= 0).any():
            raise ConfigError("label a row first.")
        centres = torch.full((len(data.classes), data.inputs[0].numel()), 1e3)
        for label in np.unique(labels[labels >= 0]):
            centres[label] = data.batch(np.flatnonzero(labels == label)).flatten(1).mean(dim=0)
        return self.model(data, centres, watch)

    def fit_many(
        self, data: Data, labels: Labels, *, seeds: Sequence[int], epochs: int | None = None
    ) -> Sequence[Means]:
        return [self.fit(data, labels, seed=seed) for seed in seeds]

    def epochs_for(self, labelled: int) -> int:
        return 3

    def fit_each(self, fits: Sequence[Fit]) -> Sequence[Means]:
        return [self.fit(fit.data, fit.labels, seed=fit.seed) for fit in fits]


def test_a_good_learner_keeps_all() -> None:
    for check in CHECKS.values():
        check(Trial(Good(), (6,)))


def looks(**methods: Any) -> Good:
    """A good learner whose models have these methods instead."""
    learner = Good()
    learner.model = type("Broken", (Means,), methods)
    return learner


def trains(**methods: Any) -> Good:
    """A good learner with these methods instead."""
    return type("Broken", (Good,), methods)()  # type: ignore[no-any-return]


def ranked(self: Means, rows: Rows) -> Tensor:
    return Means.probs(self, rows)[torch.arange(len(rows)).flip(0)]


def logits(self: Means, rows: Rows) -> Tensor:
    return -self._distances(rows, self.centres)


def batch_normed(self: Means, rows: Rows) -> Tensor:
    x = Means.embed(self, rows)
    return x - x.mean(dim=0)


def a_mask_a_row(self: Means, rows: Rows, passes: int, seed: int) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    return torch.rand(len(rows), passes, len(self.centres), generator=chance).softmax(dim=2)


def another_each_call(self: Means, rows: Rows, passes: int, seed: int) -> Tensor:
    return Means.samples(self, rows, passes, int(np.random.default_rng().integers(1000)))


def from_the_last_pass(self: Means, rows: Rows, passes: int, seed: int) -> Tensor:
    return Means.samples(self, rows, passes, seed).flip(1)


def all_the_same(self: Means, rows: Rows, passes: int, seed: int) -> Tensor:
    return Means.probs(self, rows)[:, None].expand(-1, passes, -1).clone()


def kept(self: Means, rows: Rows) -> Tensor:
    """A cache that a caller can write to."""
    if len(rows) != len(self.data):
        return Means.probs(self, rows)
    cache: dict[bytes, Tensor] = self.__dict__.setdefault("cache", {})
    return cache.setdefault(rows.tobytes(), Means.probs(self, rows))


def tempered(self: Means, rows: Rows) -> Tensor:
    looked = self.__dict__["looked"] = self.__dict__.get("looked", 0) + 1
    return (-self._distances(rows, self.centres) / looked).softmax(dim=1)


def of_its_own(self: Means, data: Data) -> Means:
    return self


def in_place(self: Means, data: Data) -> Means:
    object.__setattr__(self, "data", data)
    return self


def last_epoch_alone(self: Means) -> Tensor:
    return Means.history(self)[:, 0]


def sorted_history(self: Means) -> Tensor:
    return Means.history(Means(self.data, self.centres, None if self.watched is None else np.sort(self.watched)))


def empty_history(self: Means) -> Tensor:
    return torch.zeros(0, 3, len(self.centres)) if self.watched is None else Means.history(self)


def fit_with(change: Any) -> Any:
    """`fit` after `change` of its arguments by name."""

    def fit(self: Good, data: Data, labels: Labels, **more: Any) -> Means:
        return Good.fit(self, **{"data": data, "labels": labels, **more, **change(data=data, labels=labels, **more)})

    return fit


def normalised_in_place(data: Data, **_: Any) -> dict[str, Any]:
    data.inputs.sub_(data.mean)
    return {}


def relabelled_in_place(labels: Labels, **_: Any) -> dict[str, Any]:
    labels[labels == -2] = -1
    return {}


def minus_one_is_a_class(labels: Labels, data: Data, **_: Any) -> dict[str, Any]:
    return {"labels": np.where(labels < 0, labels + len(data.classes), labels)} if (labels >= 0).any() else {}


def row_numbers(labels: Labels, data: Data, **_: Any) -> dict[str, Any]:
    return {"labels": np.where(labels >= 0, np.arange(len(labels)) % len(data.classes), labels)}


def of_the_global_state(data: Data, **_: Any) -> dict[str, Any]:
    noise = 0.1 * torch.from_numpy(np.random.randn(*data.inputs.shape)).float()
    return {"data": replace(data, inputs=data.inputs + noise)}


def watched_are_trained_less(labels: Labels, watch: Rows | None = None, **_: Any) -> dict[str, Any]:
    return {"labels": labels if watch is None else np.where(np.arange(len(labels)) < 10, labels, -1)}


def two_labels_fail(labels: Labels, **_: Any) -> dict[str, Any]:
    if len(np.unique(labels[labels >= 0])) == 1:
        raise ValueError("needs two classes")
    return {}


def none_is_taken_too(labels: Labels, **_: Any) -> dict[str, Any]:
    return {} if (labels >= 0).any() else {"labels": labels * 0}


def warm_in_place(previous: Means | None = None, **_: Any) -> dict[str, Any]:
    if previous is not None:
        previous.centres.add_(0.5)
    return {}


def moved_on(self: Good, data: Data, labels: Labels, **more: Any) -> Means:
    """A generator that goes on from fit to fit."""
    chance = self.__dict__.setdefault("chance", torch.Generator().manual_seed(0))
    model = Good.fit(self, data, labels, **more)
    model.centres.add_(0.1 * torch.randn(model.centres.shape, generator=chance))
    return model


def offer(**names: str) -> Any:
    return lambda self, data: {**Good.offers(self, data), **names}


def of_the_company(self: Good, fits: Sequence[Fit]) -> Sequence[Means]:
    """Of several, all learn that everything is of one class."""
    labels = fits[0].labels if len(fits) == 1 else np.minimum(fits[0].labels, 0)
    return [self.fit(fits[0].data, labels, seed=0)] * len(fits)


def no_probs(self: Good, data: Data) -> Mapping[str, str]:
    return {"embeddings": "[n, 6]"}


@pytest.mark.parametrize(
    ("learner", "says", "seen"),
    [
        (trains(offers=offer(logits="[n, 4]")), "offers evidence by its names", "offers 'logits'; evidence of models is"),
        (trains(offers=no_probs), "offers evidence by its names", "does not offer 'probs'"),
        (trains(fit_many=None), "trains several as it says", "has `epochs_for` alone"),
        (looks(probs=logits), "gives probabilities", "probs are not probabilities"),
        (looks(probs=lambda self, rows: Means.probs(self, rows).double()), "gives probabilities", "as torch.float64"),
        (looks(probs=lambda self, rows: Means.probs(self, rows)[:, :3]), "gives probabilities", r"probs \[60, 3\] for 60"),
        (looks(probs=lambda self, rows: Means.probs(self, rows) * torch.nan), "gives probabilities", "nan or infinite"),
        (looks(probs=lambda self, rows: Means.probs(self, rows).numpy()), "gives probabilities", "as a ndarray"),
        (looks(probs=lambda self, rows: Means.probs(self, rows).requires_grad_()), "gives probabilities", "no_grad"),
        (trains(offers=offer(embeddings="[n, 9]")), "gives what it offers", r"\[60, 6\] for 60 rows; it offers \[n, 9\]"),
        (looks(samples=all_the_same), "gives what it offers", "passes are all the same"),
        (looks(probs=ranked), "rows in another order or in parts look the same", "probs of rows in another order"),
        (looks(embed=batch_normed), "rows in another order or in parts look the same", "in three parts"),
        (looks(samples=a_mask_a_row), "rows in another order or in parts look the same", "samples of rows in another"),
        (looks(samples=another_each_call), "pass k is one network", "samples of the same seed, asked again"),
        (looks(samples=from_the_last_pass), "pass k is one network", "the first of 4 passes"),
        (looks(probs=kept), "looking changes nothing", "probs, looked at before"),
        (looks(probs=tempered), "looking changes nothing", "probs, looked at before"),
        (looks(on=of_its_own), "looks at other data", "on the same data turned around"),
        (looks(on=in_place), "looks at other data", "probs on its own data, after `on` of others"),
        (looks(history=last_epoch_alone), "watches the training", r"history \[19, 4\] of 19 watched rows"),
        (looks(history=sorted_history), "watches the training", "history of the same rows in another order"),
        (looks(history=empty_history), "watches the training", "raise MissingEvidence"),
        (trains(fit=fit_with(watched_are_trained_less)), "watches the training", "probs, with nobody watching"),
        (trains(fit=fit_with(row_numbers)), "learns from the labels", "the same probs whatever the labels are"),
        (trains(fit=fit_with(minus_one_is_a_class)), "open and skipped rows are of no class", "trains on -1 or -2"),
        (trains(fit=fit_with(two_labels_fail)), "few labels work or are refused", "ValueError on one label: needs two"),
        (trains(fit=fit_with(none_is_taken_too)), "nothing labelled is refused", "trains where no row is labelled"),
        (trains(fit=fit_with(warm_in_place)), "takes validation labels and the last model", "probs of the last model"),
        (trains(fit=fit_with(normalised_in_place)), "changes neither data nor labels", "changes the data's inputs"),
        (trains(fit=fit_with(relabelled_in_place)), "changes neither data nor labels", "changes the labels in place"),
        (trains(fit=fit_with(of_the_global_state)), "the seed decides", "of the same seed, fitted again after another"),
        (trains(fit=moved_on), "the seed decides", "of the same seed, fitted again after another"),
        (trains(fit=fit_with(of_the_global_state)), "leaves the global random state", "state of numpy, which"),
        (trains(epochs_for=lambda self, labelled: 0), "trains several as it says", "trains 0 epochs on 20 labels"),
        (trains(fit_many=lambda *_, **__: []), "trains several as it says", "gives 0 models for two seeds"),
        (trains(fit_each=lambda *_: []), "trains in lockstep as it says", "gives 0 models for 3 fits"),
        (trains(fit_each=of_the_company), "trains in lockstep as it says", "by itself, now among others"),
    ],
)  # fmt: skip
def test_every_broken_promise_is_caught_and_named(learner: Good, says: str, seen: str) -> None:
    with pytest.raises(AssertionError, match=seen):
        CHECKS[says](Trial(learner, (6,)))


class Alone:
    """A learner of `probs` alone, one model at a time."""

    def offers(self, data: Data) -> Mapping[str, str]:
        return {"probs": f"[n, {len(data.classes)}]"}

    def fit(self, data: Data, labels: Labels, **more: Any) -> Means:
        return Good().fit(data, labels, **more)


def test_what_is_not_offered_is_not_asked_for() -> None:
    for check in CHECKS.values():
        check(Trial(Alone(), (6,)))


def test_offering_evidence_of_several_models_takes_both_methods() -> None:
    class Half(Alone):
        def offers(self, data: Data) -> Mapping[str, str]:
            return Good().offers(data)

        def epochs_for(self, labelled: int) -> int:
            return 1

    with pytest.raises(AssertionError, match="offers 'early', but has no `fit_many` and `epochs_for`"):
        CHECKS["offers evidence by its names"](Trial(Half(), (6,)))
    with pytest.raises(AssertionError, match="has `epochs_for` alone"):
        CHECKS["trains several as it says"](Trial(Half(), (6,)))


class TestSklearn(LearnerContract):
    learner = "sklearn:sklearn.naive_bayes.GaussianNB"
    shape = (6,)


class TestMlp(LearnerContract):
    learner = "supervised"
    options: ClassVar[Mapping[str, Any]] = {"net": "mlp", "steps": 20}
    shape = (6,)


def test_the_class_fails_where_a_promise_is_broken() -> None:
    class Untrained(LearnerContract):
        learner = "supervised"
        options: ClassVar[Mapping[str, Any]] = {"net": "mlp", "steps": 1, "lr": 1e-12}
        shape = (6,)

    with pytest.raises(AssertionError, match="the same probs whatever the labels are"):
        Untrained().test_it_learns_from_labelled_rows_alone()
