"""Data, oracle and run from a configuration. Here, and nowhere a strategy can reach, truth and inputs meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from activeloop.cli.oracle import oracle_for, stages_of
from activeloop.cli.reference import computed
from activeloop.cli.truth import answers_of, write_wrong
from activeloop.config import EMBEDDINGS, Config, is_file_of_features
from activeloop.data.sources import load
from activeloop.drive import Ask, Steps, at_once, rounds, states
from activeloop.errors import ConfigError
from activeloop.fold import State
from activeloop.report.answers import write_answers
from activeloop.report.images import images_of
from activeloop.report.tensorboard import run_folder, write_run
from activeloop.run import Run
from activeloop.training import Trained
from activeloop.types import Loaded, Oracle

PATIENCE = 1000  # collects without an answer: more than any delay that is meant


def loaded(config: Config) -> Loaded:
    """The data that a configuration names, with the features that selectors see."""
    data, name = config.data, config.data.features
    is_file = name is not None and is_file_of_features(name)
    found = load(
        data.source,
        seed=config.seed,
        data_dir=_path(data.data_dir),
        download=data.download,
        classes=_path(data.classes),
        labels=_path(data.labels),
        features=_path(name) if is_file else None,
        learn_on=data.learn_on,
        test_fraction=data.test_fraction,
        imbalance=data.imbalance,
        image_size=data.image_size,
        skip_unreadable=data.skip_unreadable,
        cache=_path(data.cache),
        augment=data.augment,
    )
    if name is None or is_file or name == EMBEDDINGS:
        return found
    from activeloop.features import with_features

    return with_features(found, name, data.features_options, learn_on=data.learn_on, cache=_path(data.cache))


def simulate(config: Config, data: Loaded, folder: Path, out: Path, logs: bool = True) -> Iterator[State]:
    """A run to its end in `folder`; gives the state after every query. Errors go to out/truth, and with `logs` curves go
    to out/tb as the run goes on.
    """
    return states(simulated(config, data, folder, out, logs, at_once))


def simulated(
    config: Config, data: Loaded, folder: Path, out: Path, logs: bool = True, ask: Ask = Run.steps
) -> Steps[None]:
    """What `simulate` does; unless it is to ask `at_once`, the training is left to whoever drains it."""
    reference = computed(data, out / "truth", _path(config.data.cache))
    oracle = oracle_for(config, data, reference)
    wrong = out / "truth" / f"{folder.name}.jsonl"
    board, images = run_folder(out / "tb", config.acquire.strategy, config.seed), images_of(data.data.inputs)
    with Run(folder, config, data.data, data.test, data.known) as run:

        def write(state: State) -> None:
            if data.truth is not None:
                write_wrong(state, data.truth, wrong)
            if logs:
                write_run(folder, board, images=images, truth=wrong)

        yield from _at_states(_all_rounds(run, oracle, ask), write)
        if data.truth is not None and stages_of(config.oracle):
            answers = answers_of(
                run.state, data.truth, config.acquire.strategy, config.seed, lambda: reference("features")
            )
            write_answers(answers, wrong.with_suffix(".json"))


def until_done(run: Run, oracle: Oracle) -> Iterator[State]:
    """`drive`, again and again while the oracle keeps it waiting: delays of a simulation are counted, and pass at once.

    raises: ConfigError where they do not pass.
    """
    return states(_all_rounds(run, oracle, at_once))


def _all_rounds(run: Run, oracle: Oracle, ask: Ask) -> Steps[None]:
    told = waited = 0
    while waited < PATIENCE:
        yield from rounds(run, oracle, ask)
        if run.state.stopped is not None:
            return
        answered = sum(len(query.answers) for query in run.state.queries)
        told, waited = answered, 0 if answered > told else waited + 1
    waiting = run.state.open_query
    raise ConfigError(
        f"the oracle has kept {waiting.id if waiting else 'the run'} waiting for {PATIENCE:,} collects: an answer that"
        " waits for a later ticket never comes, as the next query waits for it. Lower `collects`, and leave `tickets` at 0."
    )


def _at_states(steps: Steps[None], look: Callable[[State], None]) -> Steps[None]:
    """The same steps, each state looked at before it is passed on."""
    answer: Trained | None = None
    with closing(steps):
        while True:
            try:
                item = steps.send(answer)
            except StopIteration:
                return
            if isinstance(item, State):
                look(item)
            answer = yield item


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
