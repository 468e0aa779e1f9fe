from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from activeloop.config import Config
from activeloop.config import load as configure
from activeloop.errors import ConfigError, MissingEvidence, UnknownName
from activeloop.estimate import rooms
from activeloop.learners.committee import Committee
from activeloop.rounds import prepare
from activeloop.types import OPEN, Data, Labels, Loaded

Finish = Callable[[Path, Config, Loaded], Path]
LOGISTIC, BAYES = "sklearn.linear_model.LogisticRegression", "sklearn.naive_bayes.GaussianNB"
FOREST = {"estimator": "sklearn.ensemble.RandomForestClassifier", "params": {"n_estimators": 5}}
PAIR = Committee([LOGISTIC, BAYES])
ROWS = np.arange(120)


def test_a_pass_is_a_member_as_scikit_learn_fits_it_and_probs_are_their_mean(blobs: Data, some: Labels) -> None:
    x, y = blobs.inputs.numpy(), some[:40]
    theirs = [kind.fit(x[:40], y).predict_proba(x) for kind in (LogisticRegression(), GaussianNB())]

    model = PAIR.fit(blobs, some, seed=0)

    torch.testing.assert_close(model.samples(ROWS, 2, seed=9), torch.from_numpy(np.stack(theirs, axis=1)).float())
    torch.testing.assert_close(model.probs(ROWS), torch.from_numpy(np.mean(theirs, axis=0)).float())


def test_passes_are_the_members_however_many_are_asked_for_and_the_plan_says_so(
    blobs: Data, some: Labels, digits: Loaded
) -> None:
    model = PAIR.fit(blobs, some, seed=0)
    assert torch.equal(model.samples(ROWS, 20, seed=1), model.samples(ROWS, 1, seed=2))
    assert PAIR.offers(blobs) == {"probs": "[n, 3]", "samples": "[n, 2, 3]"}

    sets = ["acquire.strategy=bald", "learner.name=committee", f"learner.options.members=['{LOGISTIC}', '{BAYES}']"]
    plan = {line.what: line for line in rooms(prepare(configure(None, sets), digits.data, digits.test))}
    assert plan["samples"].shape == f"[{len(digits.data)}, 2, 10]"


def test_members_of_one_kind_differ_by_chance_and_the_seed_decides(blobs: Data, some: Labels) -> None:
    twice = Committee([FOREST, FOREST])
    first = twice.fit(blobs, some, seed=3).samples(ROWS, 2, seed=0)

    assert not torch.equal(first[:, 0], first[:, 1])
    assert torch.equal(twice.fit(blobs, some, seed=3).samples(ROWS, 2, seed=0), first)
    assert not torch.equal(twice.fit(blobs, some, seed=4).samples(ROWS, 2, seed=0), first)


def test_members_keep_their_params_and_classes_never_seen_get_nothing(blobs: Data, some: Labels) -> None:
    without = np.where(some == 1, OPEN, some)
    model = Committee([BAYES, {"estimator": LOGISTIC, "params": {"C": 0.1}}]).fit(blobs, without, seed=0)

    assert model.members[1].fitted.C == 0.1
    assert bool((model.samples(ROWS, 2, seed=0)[:, :, 1] == 0).all())
    torch.testing.assert_close(model.probs(ROWS).sum(dim=1), torch.ones(120))


def test_it_looks_at_other_data_with_what_it_fitted(blobs: Data, images: Data, some: Labels) -> None:
    from dataclasses import replace

    model = PAIR.fit(blobs, some, seed=0)
    there = model.on(replace(blobs, inputs=blobs.inputs.flip(0)))

    torch.testing.assert_close(there.samples(ROWS, 2, seed=0), model.samples(ROWS, 2, seed=0).flip(0))


@pytest.mark.parametrize(
    ("members", "kind", "message"),
    [
        ((), ConfigError, r"has the members \(\); it needs two or more, such as learner.options.members=\["),
        ([BAYES], ConfigError, "needs two or more"),
        (BAYES, ConfigError, "needs two or more"),
        ([BAYES, 7], ConfigError, "a member of a committee is 7; it is an import path, or a table such as"),
        ([BAYES, {"params": {}}], ConfigError, "it is an import path, or a table"),
        ([BAYES, FOREST | {"parms": {}}], ConfigError, "has no 'parms'; did you mean 'params'"),
        ([BAYES, "sklearn.naive_bayes.GausianNB"], UnknownName, "no classifier can be imported as 'sklearn.naive_bay"),
        ([BAYES, "sklearn.svm.LinearSVC"], ConfigError, "'sklearn.svm.LinearSVC' .* has no predict_proba: choose"),
        ([BAYES, {"estimator": LOGISTIC, "params": {"c": 1}}], ConfigError, "refuses the params.*'c'"),
    ],
)
def test_what_cannot_be_used_is_refused_before_any_label_is_bought(
    members: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        Committee(members)


def test_what_it_does_not_give_is_refused(blobs: Data, some: Labels) -> None:
    model = PAIR.fit(blobs, some, seed=0)
    with pytest.raises(MissingEvidence, match="no embeddings"):
        model.embed(ROWS)
    with pytest.raises(MissingEvidence, match="no history"):
        model.history()
    with pytest.raises(MissingEvidence, match="trains in one go"):
        PAIR.fit(blobs, some, seed=0, watch=ROWS)


TOML = """
budget = 40
query = 10
[acquire]
strategy = "epig"
[learner]
name = "committee"
[[learner.options.members]]
estimator = "sklearn:sklearn.linear_model.LogisticRegression"
params = {max_iter = 50, tol = 1e-2}
[[learner.options.members]]
estimator = "sklearn.naive_bayes.GaussianNB"
params = {var_smoothing = 0.1}
"""


def test_a_run_by_a_file_is_the_same_each_time(tmp_path: Path, finish: Finish, digits: Loaded) -> None:
    (tmp_path / "run.toml").write_text(TOML)
    config = configure(tmp_path / "run.toml")

    first, again = (finish(tmp_path / name, config, digits).read_bytes() for name in ("first", "again"))

    assert first == again
    assert b"stopped" in first
