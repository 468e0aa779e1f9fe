from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from activeloop import catalogue
from activeloop.cli.main import main
from activeloop.errors import ConfigError, UnknownName
from activeloop.testing.kinds import kind_of, told_by
from activeloop.types import Labels, Learner, Oracle


class Fits:
    def fit(self) -> None: ...


class Posts:
    def post(self) -> None: ...


class Both(Fits, Posts): ...


def makes_a_learner() -> Learner: ...  # type: ignore[empty-body]


def makes_an_oracle(path: str = "") -> Oracle: ...  # type: ignore[empty-body]


def from_the_truth(truth: Labels, seed: int): ...  # type: ignore[no-untyped-def]


def scores(probs: Tensor): ...  # type: ignore[no-untyped-def]


def asks_too_much(model: object) -> Tensor: ...  # type: ignore[empty-body]


def wraps(oracle: object, probs: object): ...  # type: ignore[no-untyped-def]


def nothing_said(*, rate: float = 0.1): ...  # type: ignore[no-untyped-def]


def misspelt() -> "Lerner": ...  # type: ignore[name-defined]  # noqa: F821, UP037


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (Fits, "learner"), (makes_a_learner, "learner"), (Posts, "oracle"), (makes_an_oracle, "oracle"),
        (from_the_truth, "oracle"), (wraps, "oracle"), (scores, "strategy"), (asks_too_much, "strategy"),
        (nothing_said, None), (misspelt, None), (Both, None), (max, None),
    ],
)  # fmt: skip
def test_methods_return_type_and_parameters_tell_the_kind(made: Callable[..., Any], kind: str | None) -> None:
    assert told_by(made) == kind


def test_what_a_name_does_not_tell_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    both = {"shop:it": EntryPoint("it", "shop:it", "group")}
    tables: Mapping[str, Any] = {"learners": both, "oracles": both}
    monkeypatch.setattr(catalogue, "plugins", lambda kind: tables.get(kind, {}))

    with pytest.raises(ConfigError, match=r"more than one thing \(learner, oracle\): say --kind strategy"):
        kind_of("shop:it")
    with pytest.raises(ConfigError, match="'random:choice' does not say what it is: it has the parameters .*--kind"):
        kind_of("random:choice")
    with pytest.raises(ConfigError, match="'cnn' is in `activeloop list nets`"):
        kind_of("cnn")
    with pytest.raises(UnknownName, match="'supervized'; did you mean 'supervised'"):
        kind_of("supervized")


MINE = """
from activeloop.learners.sklearn import Sklearn


class Answers:
    def __init__(self, truth):
        self.truth, self.asked = truth, {}

    def post(self, ticket, rows, guesses=None):
        self.asked[ticket] = list(rows)

    def collect(self, ticket):
        return {row: int(self.truth[row]) for row in self.asked[ticket]}


def bayes():
    return Sklearn("sklearn.naive_bayes.GaussianNB")


def needy(path):
    return bayes()
"""


def test_the_command_checks_a_users_learner_and_oracle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kinds_of_a_user.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    assert main(["check", "kinds_of_a_user:bayes", "--kind", "learner", "--shape", "3"]) == 0
    assert "18 of 18 kept" in capsys.readouterr().out
    assert main(["check", "kinds_of_a_user:Answers"]) == 2, "Python's truth[-1] is the last row"
    said = capsys.readouterr().out
    assert "kinds_of_a_user:Answers: an oracle" in said
    assert "BROKEN  a row that is not there gets no label: answers 3 for row -1" in said
    assert "10 of 11 kept" in said

    assert main(["check", "kinds_of_a_user:bayes"]) == 2
    assert "does not say what it is: it has the parameters (none)" in capsys.readouterr().err
    assert main(["check", "kinds_of_a_user:needy", "--kind", "learner"]) == 2
    assert "cannot be made with the options {}: TypeError" in capsys.readouterr().err
    assert main(["check", "kinds_of_a_user:needy", "--kind", "oracle"]) == 2
    assert "also needs path: give defaults" in capsys.readouterr().err
    assert main(["check", "supervised", "--shape", "8x8"]) == 2
    assert "--shape is '8x8'; it is channels, height and width" in capsys.readouterr().err
    assert main(["check", "symmetric"]) == 2
    assert "needs the option 'rate': write symmetric:RATE" in capsys.readouterr().err
