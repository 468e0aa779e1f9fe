"""Several scikit-learn classifiers of different kinds that answer together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from activeloop.errors import ConfigError, MissingEvidence, nearest
from activeloop.learners.sklearn import Sklearn, SklearnModel
from activeloop.rng import derive
from activeloop.types import Data, Labels, Model, Rows

PARTS = ("estimator", "params")  # of a member that is a table


@dataclass(frozen=True)
class Committee:
    """scikit-learn classifiers of different kinds, each fitted to all labels: a pass is a member, `probs` their mean.

    Members that think differently disagree where bootstraps of one classifier, which share its blind spots, do not; those
    are what `sklearn:` gives. Members have one vote each, however good they are: leave out one that is much worse.

    members: two or more import paths, such as "sklearn.naive_bayes.GaussianNB", or tables of `estimator`, an import path,
    and `params`, as of the learner `sklearn`. A member may be there twice: chance differs between them.
    raises: ConfigError, UnknownName.
    """

    members: Sequence[str | Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        given = self.members
        if isinstance(given, str) or not isinstance(given, Sequence) or len(given) < 2:
            raise ConfigError(
                f"learner 'committee' has the members {given!r}; it needs two or more, such as learner.options.members="
                '["sklearn.linear_model.LogisticRegression", "sklearn.naive_bayes.GaussianNB"].'
            )
        self.learners  # noqa: B018  what cannot be used is refused now, before any label is bought

    @cached_property
    def learners(self) -> tuple[Sklearn, ...]:
        return tuple(map(_member, self.members))

    def offers(self, data: Data) -> Mapping[str, str]:
        classes = len(data.classes)
        return {"probs": f"[n, {classes}]", "samples": f"[n, {len(self.members)}, {classes}]"}

    def fit(
        self,
        data: Data,
        labels: Labels,
        *,
        seed: int,
        watch: Rows | None = None,
        validation: Labels | None = None,
        previous: Model | None = None,
    ) -> CommitteeModel:
        return CommitteeModel(
            tuple(
                learner.fit(data, labels, seed=derive(seed, at, "member"), watch=watch)
                for at, learner in enumerate(self.learners)
            )
        )


@dataclass(frozen=True, eq=False)
class CommitteeModel:
    """The fitted members, in the order given."""

    members: tuple[SklearnModel, ...]

    def on(self, data: Data) -> CommitteeModel:
        return CommitteeModel(tuple(member.on(data) for member in self.members))

    def probs(self, rows: Rows) -> Tensor:
        return self._all(rows).mean(dim=1)

    def samples(self, rows: Rows, passes: int, seed: int) -> Tensor:
        """[n, K, C], one pass a member, in their order: K is how many there are, whatever `passes` asks for."""
        return self._all(rows)

    def embed(self, rows: Rows) -> Tensor:
        raise MissingEvidence("a committee has no embeddings; use a net, or features.")

    def history(self) -> Tensor:
        raise MissingEvidence("a committee's members train in one go and have no history; use a net.")

    def _all(self, rows: Rows) -> Tensor:
        return torch.stack([member.probs(rows) for member in self.members], dim=1)


def _member(given: str | Mapping[str, Any]) -> Sklearn:
    if isinstance(given, str):
        return Sklearn(given.removeprefix("sklearn:"))  # as the learner of that name is written
    if not isinstance(given, Mapping) or "estimator" not in given:
        raise ConfigError(
            f"a member of a committee is {given!r}; it is an import path, or a table such as"
            " {estimator='sklearn.linear_model.LogisticRegression', params={C=0.1}}."
        )
    unknown = [key for key in given if key not in PARTS]
    if unknown:
        raise ConfigError(
            f"a member of a committee has no {unknown[0]!r}{nearest(unknown[0], PARTS)} Allowed are {', '.join(PARTS)}."
        )
    return Sklearn(str(given["estimator"]).removeprefix("sklearn:"), given.get("params", {}))
