"""The scores and picks of other libraries as calls on the same evidence, each in the layout that it wants.

A function here takes the evidence and gives the call; what stands outside the call (layouts, stand-ins for models) is no part
of its time. Every one gets copies of its own: scikit-activeml clips and normalises the caller's arrays in place.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]
Call = Callable[[], Any]
NONE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Evidence:
    """What all contestants are given, float64 but for embeddings, which are float32.

    probs: [N, C].    samples: [S, K, C].    targets: [T, K, C].    few: [F, K, C], for batch-bald.
    embeddings: [E, D], and labels [E], -1 open; near: [M, D], for densities.    n: picks of a batch.    scores: [N].
    """

    probs: Tensor
    samples: Tensor
    targets: Tensor
    few: Tensor
    embeddings: Tensor
    labels: Tensor
    near: Tensor
    n: int

    @property
    def scores(self) -> Array:
        """What picks are made by: 1 - the largest probability."""
        return (1 - self.probs.amax(dim=1)).numpy()


class Model:
    """Whatever a peer asks of a classifier: it predicts what it was given."""

    def __init__(self, predictions: Array, embeddings: Array = NONE) -> None:
        self._predictions, self._embeddings = predictions, embeddings

    def predict_proba(self, rows: object, **_: object) -> Array:
        return self._predictions

    def embed(self, rows: Array, return_proba: bool = False) -> tuple[Array, Array]:
        return self._embeddings[rows], self._predictions[rows]


class Committee:
    """modAL's measures ask a committee for votes, for the members' predictions and for their mean."""

    def __init__(self, samples: Array) -> None:
        self._samples, self.classes_ = samples, np.arange(samples.shape[2])

    def __len__(self) -> int:
        return int(self._samples.shape[1])

    def __iter__(self) -> Any:
        return iter(range(len(self)))

    def vote(self, _: object) -> Array:
        found: Array = self._samples.argmax(axis=2)
        return found

    def vote_proba(self, _: object) -> Array:
        return self._samples

    def predict_proba(self, _: object) -> Array:
        found: Array = self._samples.mean(axis=1)
        return found


def copied(given: Tensor) -> Array:
    return given.numpy().copy()


# baal: [n, C, K]


def baal_score(name: str, of: str) -> Callable[[Evidence], Call]:
    """A heuristic by its class."""

    def make(given: Evidence) -> Call:
        from baal.active.heuristics import heuristics

        seen, heuristic = getattr(given, of), getattr(heuristics, name)()
        theirs = copied(seen.transpose(1, 2).contiguous() if seen.dim() == 3 else seen)
        return lambda: heuristic.get_uncertainties(theirs)

    return make


def baal_epig(given: Evidence) -> Call:
    from baal.active.heuristics import EPIG

    rows, targets = (copied(part.transpose(1, 2).contiguous()) for part in (given.samples[:2000], given.targets))
    return lambda: EPIG().get_uncertainties(rows, target_predictions=targets)


def baal_batch(given: Evidence) -> Call:
    from baal.active.heuristics import BatchBALD

    rows = copied(given.few.transpose(1, 2).contiguous())
    heuristic = BatchBALD(num_samples=5, num_draw=10_000 // given.few.shape[1])  # it draws so many for each pass
    return lambda: heuristic.get_ranks(rows)[0][:5]


def baal_draw(name: str) -> Callable[[Evidence], Call]:
    def make(given: Evidence) -> Call:
        from baal.active.heuristics import stochastics
        from baal.active.heuristics.heuristics import Precomputed

        draw, scores = getattr(stochastics, name)(Precomputed(reverse=True), query_size=given.n), given.scores
        np.random.seed(0)
        return lambda: draw.get_ranks(scores.copy())[0]  # GibbsSampling divides them in place

    return make


def baal_top(given: Evidence) -> Call:
    from baal.active.heuristics.heuristics import Precomputed

    scores = given.scores
    return lambda: Precomputed(reverse=True).get_ranks(scores)[0][: given.n]


# modAL


def modal_probs(name: str) -> Callable[[Evidence], Call]:
    def make(given: Evidence) -> Call:
        from modAL import uncertainty

        learner, rows = Model(copied(given.probs)), np.empty((len(given.probs), 1))
        return lambda: getattr(uncertainty, name)(learner, rows)

    return make


def modal_samples(name: str) -> Callable[[Evidence], Call]:
    def make(given: Evidence) -> Call:
        from modAL import disagreement

        committee, rows = Committee(copied(given.samples)), np.empty((len(given.samples), 1))
        return lambda: getattr(disagreement, name)(committee, rows)

    return make


def modal_selection(name: str) -> Callable[[Evidence], Call]:
    def make(given: Evidence) -> Call:
        from modAL.utils import selection

        scores = given.scores
        np.random.seed(0)
        found = getattr(selection, name)
        return lambda: found(scores, given.n) if name == "weighted_random" else found(scores, given.n)[0]

    return make


def modal_density(given: Evidence) -> Call:
    from modAL.density import information_density

    rows = copied(given.near)
    return lambda: np.argsort(-information_density(rows))[: given.n]


def modal_ranked(given: Evidence) -> Call:
    from modAL.batch import uncertainty_batch_sampling

    at, rows = np.flatnonzero(given.labels.numpy()[: len(given.near)] < 0), copied(given.near).astype(np.float64)
    labelled = np.delete(rows, at, axis=0)
    learner = SimpleNamespace(
        predict_proba=Model(copied(given.probs)[at]).predict_proba, X_training=labelled, on_transformed=False
    )
    return lambda: at[uncertainty_batch_sampling(learner, rows[at], n_instances=given.n)[0]]


# scikit-activeml: [K, n, C]


def activeml_probs(method: str) -> Callable[[Evidence], Call]:
    def make(given: Evidence) -> Call:
        from skactiveml.pool import uncertainty_scores

        probs = copied(given.probs)
        return lambda: uncertainty_scores(probs, method=method)

    return make


def activeml_votes(name: str) -> Callable[[Evidence], Call]:
    def make(given: Evidence) -> Call:
        from skactiveml import pool

        members = copied(given.samples.transpose(0, 1).contiguous())
        more = {"classes": np.arange(members.shape[2])} if name == "vote_entropy" else {}
        return lambda: getattr(pool, name)(members.argmax(axis=-1).T, **more)

    return make


def activeml_divergence(given: Evidence) -> Call:
    from skactiveml.pool import average_kl_divergence

    members = copied(given.samples.transpose(0, 1).contiguous())
    return lambda: average_kl_divergence(members)


def activeml_bald(given: Evidence) -> Call:
    from skactiveml.pool import batch_bald

    members = copied(given.samples.transpose(0, 1).contiguous())
    return lambda: batch_bald(members, batch_size=1)[0]


def activeml_batch(given: Evidence) -> Call:
    from skactiveml.pool import batch_bald

    members = copied(given.few.transpose(0, 1).contiguous())
    return lambda: np.nanargmax(batch_bald(members, batch_size=5, n_MC_samples=10_000, random_state=0), axis=1)


def activeml_badge(given: Evidence) -> Call:
    from skactiveml.base import SkactivemlClassifier
    from skactiveml.pool import Badge

    embeddings = copied(given.embeddings)
    probs = copied(given.probs[: len(embeddings)])

    class Fixed(SkactivemlClassifier):  # type: ignore[misc]
        def fit(self, X: Array, y: Array) -> Fixed:
            return self

        def predict_proba(self, X: Array) -> Array:
            return probs

    open_, model = np.full(len(embeddings), np.nan), Fixed(classes=np.arange(probs.shape[1]))
    return lambda: np.array(Badge(random_state=0).query(embeddings, open_, model, fit_clf=False, batch_size=given.n))


def activeml_core_set(given: Evidence) -> Call:
    from skactiveml.pool import CoreSet

    embeddings, labels = copied(given.embeddings), given.labels.numpy()
    known = np.where(labels < 0, np.nan, labels)
    return lambda: CoreSet(random_state=0).query(embeddings, known, batch_size=given.n)


def activeml_top(given: Evidence) -> Call:
    from skactiveml.utils import simple_batch

    scores = given.scores
    return lambda: simple_batch(scores, random_state=0, batch_size=given.n)


# small-text: strategies that ask a classifier about a dataset


def small_text_probs(name: str) -> Callable[[Evidence], Call]:
    def make(given: Evidence) -> Call:
        from small_text import query_strategies

        strategy, model = getattr(query_strategies, name)(), Model(copied(given.probs))

        def call() -> Array:
            strategy.score(model, None, NONE, NONE, NONE)
            found: Array = strategy.last_scores
            return found

        return call

    return make


def small_text_bald(given: Evidence) -> Call:
    from small_text.query_strategies import BALD

    passes, model = given.samples.shape[1], Model(copied(given.samples))
    return lambda: BALD(passes).score(model, None, NONE, NONE, NONE)


def small_text_badge(given: Evidence) -> Call:
    from small_text.integrations.pytorch.query_strategies import BADGE

    embeddings = copied(given.embeddings)
    model = Model(copied(given.probs[: len(embeddings)]), embeddings)
    rows = np.arange(len(embeddings))
    return lambda: BADGE(given.probs.shape[1]).query(model, rows, rows, NONE, NONE, n=given.n)


def small_text_core_set(name: str, **options: object) -> Callable[[Evidence], Call]:
    def make(given: Evidence) -> Call:
        from small_text import query_strategies

        embeddings, labels = copied(given.embeddings), given.labels.numpy()
        open_, known = np.flatnonzero(labels < 0), np.flatnonzero(labels >= 0)
        strategy, rows = getattr(query_strategies, name)(**options), np.arange(len(labels))
        model = Model(np.empty((len(labels), 0)), embeddings)
        return lambda: strategy.query(model, rows, open_, known, labels[known], n=given.n)

    return make


# batchbald_redux: logarithms, [n, K, C]


def redux_bald(given: Evidence) -> Call:
    from batchbald_redux.batchbald import compute_conditional_entropy, compute_entropy

    logs = given.samples.log()
    return without_bars(lambda: (compute_entropy(logs) - compute_conditional_entropy(logs)).numpy())


def redux_batch(given: Evidence) -> Call:
    from batchbald_redux.batchbald import get_batchbald_batch

    logs = given.few.log()
    return without_bars(lambda: np.array(get_batchbald_batch(logs, 5, 10_000).indices))


def without_bars(call: Call) -> Call:
    def unseen() -> Any:
        with redirect_stderr(io.StringIO()):
            return call()

    return unseen


def same(values: Array) -> Array:
    return values


@dataclass(frozen=True)
class Peer:
    """One line of the table.

    as_ours:  their numbers in our scale, or for picks unused.    differs: how theirs is defined where it is not as ours.
    compared: "values" where the definitions are one, "ranks" where they are not; "picks", "chance" for draws, "badge".
    on: the evidence whose broken rows it is shown.    rows: of probs, where all would take minutes.
    """

    score: str
    library: str
    entry: str
    make: Callable[[Evidence], Call]
    differs: str = ""
    as_ours: Callable[[Array], Array] = same
    compared: str = "values"
    on: str = "probs"
    rows: int = 0


def negated(values: Array) -> Array:
    return -values


def less_one(values: Array) -> Array:
    return values - 1


def from_one(values: Array) -> Array:
    return 1 - values


def bits(values: Array) -> Array:
    return values * np.log(2)


LOW = "low is asked first"
SUMS = "running sums and numpy's global seed, not by Gumbel noise"
ROW_BY_ROW = "a Python call a row (here of 5,000)"
EPS = "clips at 1e-7, in the caller's array"
PEERS: Sequence[Peer] = (
    Peer("entropy", "baal", "Entropy", baal_score("Entropy", "probs"), "divides rows by their sum"),
    Peer("entropy", "modAL", "classifier_entropy", modal_probs("classifier_entropy"), "divides rows by their sum"),
    Peer("entropy", "scikit-activeml", "uncertainty_scores", activeml_probs("entropy"), "leaves nan out of the sum"),
    Peer("entropy", "small-text", "PredictionEntropy", small_text_probs("PredictionEntropy"), ROW_BY_ROW, rows=5_000),
    Peer("margin", "baal", "Margin", baal_score("Margin", "probs"), LOW, negated),
    Peer("margin", "modAL", "classifier_margin", modal_probs("classifier_margin"), LOW, negated),
    Peer("margin", "scikit-activeml", "uncertainty_scores", activeml_probs("margin_sampling"), "1 + ours", less_one),
    Peer("margin", "small-text", "BreakingTies", small_text_probs("BreakingTies"), f"{LOW}; {ROW_BY_ROW}", negated,
         rows=5_000),
    Peer("least-confidence", "baal", "Certainty", baal_score("Certainty", "probs"), f"1 - ours: {LOW}", from_one),
    Peer("least-confidence", "modAL", "classifier_uncertainty", modal_probs("classifier_uncertainty")),
    Peer("least-confidence", "scikit-activeml", "uncertainty_scores", activeml_probs("least_confident")),
    Peer("least-confidence", "small-text", "LeastConfidence", small_text_probs("LeastConfidence"), f"1 - ours: {LOW}",
         from_one),
    Peer("predictive-entropy", "baal", "Entropy", baal_score("Entropy", "samples"), "divides rows by their sum", on="samples"),
    Peer("predictive-entropy", "modAL", "consensus_entropy", modal_samples("consensus_entropy"), "divides rows by their sum",
         on="samples"),
    Peer("variation-ratio", "baal", "Certainty", baal_score("Certainty", "samples"),
         "1 - the largest mean probability, as Gal 2017 prints it: no votes", from_one, "ranks", "samples"),
    Peer("variation-ratio", "scikit-activeml", "variation_ratios", activeml_votes("variation_ratios"), on="samples"),
    Peer("mean-std", "baal", "Variance", baal_score("Variance", "samples"), "mean of variances: no root is taken",
         compared="ranks", on="samples"),
    Peer("bald", "baal", "BALD", baal_score("BALD", "samples"), on="samples"),
    Peer("bald", "scikit-activeml", "batch_bald", activeml_bald, EPS, on="samples"),
    Peer("bald", "small-text", "BALD", small_text_bald, "in bits; adds 1e-8 within logarithms", bits, on="samples"),
    Peer("bald", "batchbald_redux", "compute_entropy", redux_bald, "takes logarithms: log 0 makes nan", on="samples"),
    Peer("vote-entropy", "modAL", "vote_entropy", modal_samples("vote_entropy"), on="samples"),
    Peer("vote-entropy", "scikit-activeml", "vote_entropy", activeml_votes("vote_entropy"), on="samples"),
    Peer("kl-to-consensus", "modAL", "KL_max_disagreement", modal_samples("KL_max_disagreement"),
         "the member farthest from the mean, not the mean over members", compared="ranks", on="samples"),
    Peer("kl-to-consensus", "scikit-activeml", "average_kl_divergence", activeml_divergence, EPS, on="samples"),
    Peer("epig", "baal", "EPIG", baal_epig, "in float32", on="samples"),
    Peer("batch-bald", "baal", "BatchBALD", baal_batch, "always draws combinations; ranks by gain, not by turn",
         compared="picks", on="few"),
    Peer("batch-bald", "scikit-activeml", "batch_bald", activeml_batch, EPS, compared="picks", on="few"),
    Peer("batch-bald", "batchbald_redux", "get_batchbald_batch", redux_batch, "takes logarithms: log 0 makes nan",
         compared="picks", on="few"),
    Peer("badge", "scikit-activeml", "Badge", activeml_badge, "builds n x C D gradients, float64", compared="badge",
         on="embeddings"),
    Peer("badge", "small-text", "BADGE", small_text_badge,
         "builds n x C D gradients, float64; first pick by chance, later ones best of several draws", compared="badge",
         on="embeddings"),
    Peer("core-set", "scikit-activeml", "CoreSet", activeml_core_set, compared="picks", on="embeddings"),
    Peer("core-set", "small-text", "GreedyCoreset",
         small_text_core_set("GreedyCoreset", distance_metric="euclidean", normalize=False),
         "all centres anew for every pick", compared="picks", on="embeddings"),
    Peer("core-set", "small-text", "LightweightCoreset",
         small_text_core_set("LightweightCoreset", distance_metric="euclidean", normalize=False),
         "draws, partly by distance to the mean", compared="picks", on="embeddings"),
    Peer("top", "baal", "get_ranks", baal_top, "sorts all; of equals the last", compared="picks"),
    Peer("top", "modAL", "multi_argmax", modal_selection("multi_argmax"), "in no order; of equals no rule", compared="picks"),
    Peer("top", "modAL", "shuffled_argmax", modal_selection("shuffled_argmax"), "lowest first", compared="picks"),
    Peer("top", "scikit-activeml", "simple_batch", activeml_top, "all scores once a pick", compared="picks"),
    Peer("power", "baal", "PowerSampling", baal_draw("PowerSampling"), f"draws by {SUMS}", compared="chance"),
    Peer("power", "modAL", "weighted_random", modal_selection("weighted_random"), f"draws by {SUMS}", compared="chance"),
    Peer("softmax", "baal", "GibbsSampling", baal_draw("GibbsSampling"), f"draws by {SUMS}", compared="chance"),
    Peer("softrank", "baal", "RankBasedSampling", baal_draw("RankBasedSampling"), f"draws by {SUMS}; equals share a rank",
         compared="chance"),
    Peer("modal:information_density", "modAL", "information_density", modal_density,
         "the same function, here by the bridge", compared="picks", on="near"),
    Peer("modal:uncertainty_batch_sampling", "modAL", "uncertainty_batch_sampling", modal_ranked,
         "the same function, here by the bridge", compared="picks",
         on="near"),
)  # fmt: skip
