"""What people and their data get wrong, one row each: the error says the value, what is allowed and what to do next.

And nothing is lost by it, nor taken: journals keep every byte, and get no query and no answer.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from activeloop.cli import select, tell
from activeloop.cli.main import main
from activeloop.cli.oracle import oracle_for
from activeloop.cli.reference import stand_in
from activeloop.config import Config, load
from activeloop.data.sources import load as load_data
from activeloop.errors import (
    ActiveloopError,
    BadAnswer,
    BadScores,
    ConfigError,
    MissingEvidence,
    StoreError,
    UnknownName,
)
from activeloop.run import Run
from activeloop.types import SKIP, Data, Loaded, Query

Configure = Callable[..., Config]

THEIRS = """
import torch
from activeloop.types import Data

def undefined(probs):
    scores = probs[:, 0].clone()
    scores[3] = float("nan")
    return scores

def endless(probs):
    return probs[:, 0] / 0

def a_score_per_class(probs):
    return probs

def the_same_row(n):
    return torch.zeros(n, dtype=torch.int64)

class Overconfident:
    def offers(self, data):
        return {"probs": "[n, 10]"}

    def fit(self, data, labels, **_):
        return self

    def on(self, data):
        return self

    def probs(self, rows):
        probs = torch.full((len(rows), 10), 0.1)
        probs[2] = 0.7
        return probs
"""


@dataclass
class Desk:
    """A run that was told its start and waits for q0001, and whatever else a row of the table puts beside it."""

    folder: Path
    digits: Loaded
    quick: Configure
    patch: pytest.MonkeyPatch
    before: Mapping[str, bytes] = field(default_factory=dict)

    def open(self, name: str = "run", *sets: str, data: Data | None = None) -> Run:
        return Run(self.folder / name, self.quick(*sets), data or self.digits.data, self.digits.test)

    def asked(self) -> Query:
        with self.open() as run:
            query = run.ask()
        assert query is not None
        return query

    def tell(self, answers: Mapping[int, int]) -> None:
        with self.open() as run:
            run.tell("q0001", answers)

    def called(self, at: int) -> int:
        """The number by which its owner calls a row of the query: that of the source."""
        numbers = self.digits.data.source_rows
        assert numbers is not None
        return int(numbers[self.asked().rows[at]])

    def tell_csv(self, content: str) -> None:
        (self.folder / "answers.csv").write_text(content)
        tell.main(self.folder / "run", "q0001", self.folder / "answers.csv", "")

    def fresh(self, *sets: str, data: Data | None = None) -> None:
        """Another run, told its start, up to its first look at a model."""
        with self.open("other", *sets, data=data) as run:
            self.told_start(run)
            self.settle()
            run.ask()

    def told_start(self, run: Run) -> None:
        assert self.digits.truth is not None
        query = run.ask()
        assert query is not None
        run.tell(query.id, {row: int(self.digits.truth[row]) for row in query.rows})

    def arrays(self, **arrays: np.ndarray) -> str:  # type: ignore[type-arg]
        np.savez(self.folder / "d.npz", **arrays)
        return str(self.folder / "d.npz")

    def settle(self) -> None:
        """What stands in journals from here on must stay as it is."""
        self.before = self.journals()

    def journals(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self.folder.rglob("journal.jsonl")}


@pytest.fixture
def desk(tmp_path: Path, digits: Loaded, quick: Configure, monkeypatch: pytest.MonkeyPatch) -> Desk:
    (tmp_path / "theirs.py").write_text(THEIRS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    desk = Desk(tmp_path, digits, quick, monkeypatch)
    with desk.open() as run:
        desk.told_start(run)
        run.ask()
    desk.settle()
    return desk


def spoilt(value: float, shape: tuple[int, ...] = (40, 3)) -> np.ndarray:  # type: ignore[type-arg]
    inputs = np.ones(shape, np.float32)
    inputs[7] = value
    return inputs


def a_pool_of(inputs: np.ndarray) -> Data:  # type: ignore[type-arg]
    return Data(torch.from_numpy(inputs), ("a", "b"), torch.zeros(1), torch.ones(1))


def images_of_which_one_is_broken(desk: Desk) -> str:
    (desk.folder / "images").mkdir()
    for at in range(5):
        Image.new("RGB", (6, 6), (40 * at, 0, 0)).save(desk.folder / f"images/{at}.png")
    (desk.folder / "images/2.png").write_bytes(b"\x89PNG and then nothing")
    (desk.folder / "names.txt").write_text("a\nb")
    return str(desk.folder / "images")


def no_image(desk: Desk) -> None:
    load_data(images_of_which_one_is_broken(desk), classes=desk.folder / "names.txt")


def select_none(desk: Desk) -> None:
    np.save(desk.folder / "F.npy", np.ones((40, 3), np.float32))
    select.main("random", 0, desk.folder / "rows.csv", features=str(desk.folder / "F.npy"))


def a_changed_answer(desk: Desk) -> None:
    row = desk.asked().rows[0]
    desk.tell({row: 4})
    desk.settle()
    desk.tell({row: 5})


def an_unknown_query(desk: Desk) -> None:
    with desk.open() as run:
        run.tell("q9", {})


def a_second_writer(desk: Desk) -> None:
    with desk.open():
        desk.open()


def a_full_disk(desk: Desk) -> None:
    def full(handle: int, content: bytes, at: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    row = desk.asked().rows[0]
    with desk.open() as run, desk.patch.context() as patch:
        patch.setattr(os, "pwrite", full)
        run.tell("q0001", {row: 4})


def noise_of_three_classes(desk: Desk) -> None:
    np.save(desk.folder / "T.npy", np.eye(3))
    oracle_for(load(None, [f"oracle.noise=transition:{desk.folder}/T.npy"]), desk.digits, stand_in(desk.digits))


def other_data(desk: Desk) -> None:
    inputs = desk.digits.data.inputs.clone()
    inputs[0] += 1
    desk.open(data=replace(desk.digits.data, inputs=inputs))


def rows_twice(desk: Desk) -> None:
    (desk.folder / "rows.csv").write_text("row\n3\n5\n3\n")
    desk.fresh(f"start.strategy=rows:{desk.folder}/rows.csv")


Y = np.arange(40) % 2

# what: how it is provoked, the error, and three parts of its message: the value, what is allowed, the next step
TABLE: dict[str, tuple[Callable[[Desk], object], type[ActiveloopError], str, str, str]] = {
    "features that are nan": (
        lambda desk: load_data(desk.arrays(x_train=spoilt(np.nan), y_train=Y)),
        ConfigError, "the first is row 7", "nan or infinite", "Remove or replace them"),
    "features that are infinite": (
        lambda desk: load_data(desk.arrays(x_train=spoilt(np.inf), y_train=Y)),
        ConfigError, "1 of 40 rows of x_train", "nan or infinite", "Remove or replace them"),
    "features that are nan, from Python": (
        lambda desk: Run(desk.folder / "new", desk.quick("start.strategy=k-center"), a_pool_of(spoilt(np.nan))).ask(),
        BadScores, "1 of 40 rows", "nan or infinite; repair or drop those rows", "the first is row 7"),
    "scores that are nan": (
        lambda desk: desk.fresh("acquire.strategy=theirs:undefined"),
        BadScores, "the first is nan at position 3", "scores are nan or infinite", "Look at the evidence"),
    "scores that are infinite": (
        lambda desk: desk.fresh("acquire.strategy=theirs:endless"),
        BadScores, "scores are nan or infinite; the first is inf", "nan or infinite", "Look at the evidence"),
    "probabilities that do not sum to one": (
        lambda desk: desk.fresh("learner.name=theirs:Overconfident", "learner.options={}"),
        BadScores, "the first is row", "0 or more, summing to 1 within 0.001", "logits given for probabilities"),
    "labels for other rows": (
        lambda desk: load_data(desk.arrays(x_train=spoilt(1), y_train=Y[:39])),
        ConfigError, "(39,) for 40 inputs", "it must be (40,)", "y_train"),
    "inputs of five axes": (
        lambda desk: load_data(desk.arrays(x_train=spoilt(1, (40, 2, 2, 2, 2)), y_train=Y)),
        ConfigError, "has 5 axes", "allowed are [N, H, W]", "[N, D]"),
    "a score per class": (
        lambda desk: desk.fresh("acquire.strategy=theirs:a_score_per_class"),
        BadScores, ", 10] for ", "it must give a tensor [", "a_score_per_class"),
    "the same pick again and again": (
        lambda desk: desk.fresh("acquire.strategy=theirs:the_same_row"),
        BadScores, "10 picks, 1 of them different", "must give 10 different open positions", "the_same_row"),
    "noise for other classes": (
        noise_of_three_classes,
        ConfigError, "is (3, 3)", "10 classes need 10 x 10", "T.npy"),
    "an unknown strategy": (
        lambda desk: desk.open("new", "acquire.strategy=entrpy"),
        UnknownName, "'entrpy'; did you mean 'entropy'?", "`activeloop list acquisitions`", "'package:name'"),
    "an unknown setting": (
        lambda desk: load(None, ["acquire.stratgy=random"]),
        ConfigError, "'acquire.stratgy'; did you mean 'strategy'?", "Settings: strategy, pick", "did you mean"),
    "an unknown option of a strategy": (
        lambda desk: desk.open("new", "acquire.options.k=3"),
        ConfigError, "'margin' has no option 'k'", "Options: it takes none", ""),
    "an unknown net": (
        lambda desk: desk.open("new", "learner.name=supervised", "learner.options={net='cn'}"),
        UnknownName, "'cn'; did you mean 'cnn'?", "`activeloop list nets`", "'package:name'"),
    "an unknown data source": (
        lambda desk: load_data("mist"),
        UnknownName, "'mist'; did you mean 'mnist'?", "Allowed are digits, mnist", "or the path of"),
    "an unknown class": (
        lambda desk: desk.tell_csv(f"row,label\n{desk.called(0)},eleven\n"),
        BadAnswer, "label 'eleven' is no class", "Allowed are 0, 1, 2", "or skip"),
    "evidence that the learner lacks": (
        lambda desk: desk.open("new", "acquire.strategy=forgetting"),
        MissingEvidence, "'forgetting' which needs 'history'", "this run offers probs", "learner.name=supervised"),
    "a budget larger than the pool": (
        lambda desk: desk.open("new", "budget=5000"),
        ConfigError, "budget is 5,000", "the pool has 1,438 rows", "lower it (--budget)"),
    "a budget smaller than the start": (
        lambda desk: load(None, ["budget=10"]),
        ConfigError, "the start takes 20 labels", "budget of 10", "lower start.size (--initial)"),
    "classes missing from the initial set": (
        lambda desk: desk.fresh("start.size=5", "start.all_classes=true"),
        ConfigError, "no label of", "start.all_classes is set", "--start balanced:K"),
    "a query of no rows": (
        lambda desk: load(None, ["query=0"]),
        ConfigError, "query is 0", "it must be 1 or more", ""),
    "a selection of no rows": (
        select_none,
        ConfigError, "-n is 0", "40 of the 40 rows", "ask for 1 to 40"),
    "answers that answer nothing": (
        lambda desk: desk.tell_csv(f"row,label\n{desk.called(0)},\n"),
        BadAnswer, "1 lines, none with a label", "0, 1, 2", "Fill in the column label"),
    "a row answered twice": (
        lambda desk: desk.tell_csv("row,label\n{0},4\n{0},5\n".format(desk.called(0))),
        BadAnswer, "is answered twice, as 4 and as 5", "keep one line", "Nothing was taken"),
    "a row listed twice": (
        rows_twice,
        ConfigError, "3 rows, 2 different", "at most once", "rows.csv"),
    "an answer for a row not asked": (
        lambda desk: desk.tell({desk.asked().rows[0]: 4, 10**6: 4}),
        BadAnswer, "row 1000000 was not asked in q0001", "its 10 rows begin with", "Nothing was taken"),
    "a class out of range": (
        lambda desk: desk.tell({desk.asked().rows[0]: 10}),
        BadAnswer, "got the label 10", "allowed are 0…9, or -2 to skip", "Nothing was taken"),
    "a changed answer": (
        a_changed_answer,
        BadAnswer, "was told as '4' in q0001 and is now '5'", "An answer stands once it is told", "`revise` changes it"),
    "an answer to a query that is not there": (
        an_unknown_query,
        BadAnswer, "'q9'", "the latest is q0001", ""),
    "a journal of another configuration": (
        lambda desk: desk.open("run", "budget=50"),
        StoreError, "another configuration", "they differ in budget", "Choose another folder, or the old settings"),
    "a journal of other data": (
        other_data,
        StoreError, "rows would mean other items", "1,438 rows", "Bring the data back, or start another run"),
    "a second writer": (
        a_second_writer,
        StoreError, f"is being written by pid {os.getpid()} on ", "a run has one writer", "Wait for it, or stop it"),
    "an image that cannot be read": (
        no_image,
        ConfigError, "images/2.png cannot be read", "remove it", "pass --skip-unreadable"),
    "a full disk": (
        a_full_disk,
        StoreError, "the disk is full, and the event 'told' was not taken", "is safe", "free some space"),
}  # fmt: skip


def is_harmless(event: Mapping[str, object]) -> bool:
    """A run that begins, or a model that is measured, is written before the bad input is met; it takes nothing."""
    return event["event"] in ("opened", "measured")


@pytest.mark.parametrize("what", TABLE)
def test_bad_input_is_refused_with_value_allowed_and_next_step_and_nothing_is_lost(desk: Desk, what: str) -> None:
    provoke, error, value, allowed, remedy = TABLE[what]

    with pytest.raises(error) as refused:
        provoke(desk)

    assert type(refused.value) is error
    for part in (value, allowed, remedy):
        assert part in str(refused.value)
    after = desk.journals()
    assert all(after[path].startswith(journal) for path, journal in desk.before.items())
    added = [after[path][len(desk.before.get(path, b"")) :] for path in after]
    assert not [line for lines in added for line in lines.splitlines() if not is_harmless(json.loads(line))]
    with desk.open() as run:  # and the run that was there goes on
        query = run.ask()
        assert query is not None
        run.tell(query.id, dict.fromkeys(query.unanswered, SKIP))


def test_an_image_that_cannot_be_read_is_left_out_where_that_is_wanted(desk: Desk) -> None:
    source = images_of_which_one_is_broken(desk)

    with pytest.warns(UserWarning, match=r"1 of 5 images in .* the first is 2.png"):
        loaded = load_data(source, classes=desk.folder / "names.txt", skip_unreadable=True)
    assert loaded.data.names == ("0.png", "1.png", "3.png", "4.png")


def test_the_command_line_gives_the_same_message_and_exit_code_2(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["run", "--budget", "5000", "--out", str(desk.folder / "new")])

    assert code == 2
    assert capsys.readouterr().err == (
        "activeloop: budget is 5,000, but the pool has 1,438 rows: lower it (--budget) or bring more data.\n"
    )
    assert not (desk.folder / "new").exists()
