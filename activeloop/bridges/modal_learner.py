"""`modal:module:function` as a learner: a Committee or an ActiveLearner of modAL's that a user's function makes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from modAL.models import ActiveLearner, Committee
from numpy.typing import NDArray
from torch import Tensor

from activeloop import catalogue
from activeloop.errors import BadScores, ConfigError, MissingEvidence
from activeloop.learners.rows import labelled, refuse_watch, table
from activeloop.types import Data, Labels, Model, Rows

Array = NDArray[Any]
EXAMPLE = "learner.name=modal:mine:committee, where mine.py has `def committee()` that returns a modAL Committee"


@dataclass(frozen=True)
class Modal:
    """modAL's Committee or ActiveLearner, made by a function of yours and taught on the flattened, normalised inputs.

    Written `modal:` and module:function, as in modal:mine:committee. The function takes nothing and makes a new one each
    time; every round begins with it and teaches it all labels in one go, in the order of their rows, so that a round
    depends on its labels and the seed alone. `probs` is the consensus; `samples`, of a committee, are its members, a pass
    each. While all labels are of one class, that class is predicted everywhere.

    make: module:function.    bootstrap: each member is taught its own bootstrap of the labels, drawn by the seed.
    raises: UnknownName, ConfigError.
    """

    make: str = ""
    bootstrap: bool = False

    def __post_init__(self) -> None:
        if not self.make:
            raise ConfigError(f"learner 'modal' needs the function that makes it: {EXAMPLE}.")
        made, again = self._made(), self._made()
        if {id(each.estimator) for each in _members(made)} & {id(each.estimator) for each in _members(again)}:
            raise ConfigError(
                f"{self.make!r} returns an estimator that it returned before, which would be taught the same labels again"
                " and again: build everything anew inside the function."
            )

    def offers(self, data: Data) -> Mapping[str, str]:
        made, classes = self._made(), len(data.classes)
        offered = {"probs": f"[n, {classes}]"}
        return offered | {"samples": f"[n, {len(made)}, {classes}]"} if isinstance(made, Committee) else offered

    def fit(
        self,
        data: Data,
        labels: Labels,
        *,
        seed: int,
        watch: Rows | None = None,
        validation: Labels | None = None,
        previous: Model | None = None,
    ) -> ModalModel:
        refuse_watch(watch, self.make)
        rows = labelled(labels)
        held = labels[rows]
        with _seeded(seed):
            made = self._made()
            if (held == held[0]).all() and all(member.X_training is None for member in _members(made)):
                return ModalModel(self.make, made, data, only=int(held[0]))
            try:
                made.teach(table(data, rows), held, bootstrap=self.bootstrap)
            except ValueError as error:
                raise ConfigError(f"{self.make!r} cannot be taught {len(rows)} labels: {error}") from error
        return ModalModel(self.make, made, data)

    def _made(self) -> ActiveLearner | Committee:
        made = catalogue.find("learners", self.make)()
        if not isinstance(made, (ActiveLearner, Committee)):
            raise ConfigError(
                f"{self.make!r} returned a {type(made).__name__}; it must return a modAL Committee or ActiveLearner."
            )
        for at, member in enumerate(_members(made)):
            if not hasattr(member.estimator, "predict_proba"):
                raise ConfigError(
                    f"member {at} of {self.make!r}, a {type(member.estimator).__name__}, has no predict_proba: choose a"
                    " classifier that gives probabilities (for SVC: probability=True)."
                )
        return made


@dataclass(frozen=True, eq=False)
class ModalModel:
    """What was taught.    only: the class predicted everywhere where no other was labelled."""

    name: str
    taught: ActiveLearner | Committee
    data: Data
    only: int | None = None

    def on(self, data: Data) -> ModalModel:
        return replace(self, data=data)

    def probs(self, rows: Rows) -> Tensor:
        if self.only is not None:
            return self._certain(len(rows))
        classes = self.taught.classes_ if isinstance(self.taught, Committee) else self.taught.estimator.classes_
        return self._spread(self.taught.predict_proba(table(self.data, rows)), classes)

    def samples(self, rows: Rows, passes: int, seed: int) -> Tensor:
        """[n, K, C], one pass a member, in their order: K is how many there are, whatever `passes` asks for."""
        if not isinstance(self.taught, Committee):
            raise MissingEvidence(f"{self.name!r} returns an ActiveLearner, which is one model: return a Committee.")
        if self.only is not None:
            return self._certain(len(rows), len(self.taught))
        return self._spread(self.taught.vote_proba(table(self.data, rows)), self.taught.classes_)

    def embed(self, rows: Rows) -> Tensor:
        raise MissingEvidence(f"{self.name!r} has no embeddings; use a net, or features.")

    def history(self) -> Tensor:
        raise MissingEvidence(f"{self.name!r} trains in one go and has no history; use a net.")

    def _spread(self, found: Array, known: Array) -> Tensor:
        """Probabilities of the classes that modAL knows, over all classes: the others get 0."""
        count = len(self.data.classes)
        foreign = [each for each in known if each not in range(count)]
        if foreign:
            raise BadScores(
                f"{self.name!r} knows the class {foreign[0]}, and classes here are 0…{count - 1}: teach it nothing before"
                " it is returned, or rows with these labels."
            )
        probs = torch.zeros(*found.shape[:-1], count)
        probs[..., torch.from_numpy(np.asarray(known, dtype=np.int64))] = torch.from_numpy(found).float()
        return probs

    def _certain(self, *shape: int) -> Tensor:
        probs = torch.zeros(*shape, len(self.data.classes))
        probs[..., self.only] = 1
        return probs


def _members(made: ActiveLearner | Committee) -> list[Any]:
    return list(made) if isinstance(made, Committee) else [made]


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """modAL's bootstraps, and estimators without a random_state, draw from numpy's global stream: it is put back after."""
    before = np.random.get_state()
    np.random.seed(seed % 2**32)
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():  # torch: what skorch trains by
            warnings.filterwarnings("ignore", message=".*force_all_finite.*")  # modAL's own call of scikit-learn
            torch.manual_seed(seed)
            yield
    finally:
        np.random.set_state(before)
