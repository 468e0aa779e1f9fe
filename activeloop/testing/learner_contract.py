"""What a learner and its models must keep: a check a line, each a function that raises AssertionError."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch

from activeloop.errors import ConfigError, MissingEvidence
from activeloop.evidence import OFFERED, TOGETHER
from activeloop.testing.pool import (
    LABELLED,
    NAMES,
    SKIPPED,
    backwards,
    chance_kept,
    chance_put_back,
    copied,
    pool,
    stir,
)
from activeloop.testing.trial import CLOSE, PASSES, SEED, Trial, alike, are_equal, are_probs, is_evidence, looks
from activeloop.types import SKIP, Fit, Labels, TrainsInLockstep, TrainsTogether

LIKELIER = 0.25  # a learner may see the inputs of open rows, which change its model a little
Check = Callable[[Trial], None]


def offers_evidence_by_its_names(it: Trial) -> None:
    offers = it.offers
    assert isinstance(offers, Mapping), f"`offers` gives a {type(offers).__name__}, not a mapping of names to shapes"
    unknown = [name for name in offers if name not in OFFERED]
    assert not unknown, f"offers {', '.join(map(repr, unknown))}; evidence of models is {', '.join(OFFERED)}"
    assert "probs" in offers, "does not offer 'probs', by which every model is measured"
    wordless = [name for name, shape in offers.items() if not isinstance(shape, str)]
    assert not wordless, f"offers {wordless[0]!r} as {offers[wordless[0]]!r}, not with its shape in words"
    together = [name for name in offers if name in TOGETHER]
    assert not together or isinstance(it.learner, TrainsTogether), (
        f"offers {', '.join(map(repr, together))}, but has no `fit_many` and `epochs_for`, by which several models train"
    )
    assert dict(it.learner.offers(it.pool.data)) == dict(offers), "offers something else when it is asked again"


def gives_probabilities(it: Trial) -> None:
    are_probs(it.model, it.all_rows)
    are_probs(it.model, it.all_rows[5:6])


def gives_what_it_offers(it: Trial) -> None:
    for name, found in it.looks().items():
        is_evidence(name, found, it.offers[name], len(it.pool.data))
    if "samples" in it.offers:
        found = it.model.samples(it.all_rows, PASSES, SEED)
        there = _members(it) or PASSES
        assert found.shape[1] == there, f"gives {found.shape[1]} passes, and {there} were offered or asked for"
        assert not are_equal(found, found[:, :1].expand_as(found), 0), "gives samples whose passes are all the same"


def _members(it: Trial) -> int:
    """Passes of a committee, which offers samples of so many whatever is asked for; 0 where as many come as are asked for."""
    passes = it.offers["samples"].strip("[]").split(", ")[1:2]
    return int(passes[0]) if passes and passes[0].isdigit() else 0


def rows_in_another_order_or_in_parts_look_the_same(it: Trial) -> None:
    order = np.random.default_rng(1).permutation(it.all_rows)
    for name, found in it.looks().items():
        other = looks(it.model, it.offers, order)[name]
        alike(other, found[torch.from_numpy(order)], f"{name} of rows in another order", CLOSE)
        parts = [looks(it.model, it.offers, part)[name] for part in np.split(it.all_rows, [1, 17])]
        alike(torch.cat(parts), found, f"{name} of rows in three parts", CLOSE)


def pass_k_is_one_network(it: Trial) -> None:
    if "samples" not in it.offers:
        return
    rows = it.all_rows
    found = it.model.samples(rows, PASSES, SEED)
    it.model.samples(rows, PASSES, SEED + 1)
    alike(it.model.samples(rows, PASSES, SEED), found, "samples of the same seed, asked again", 0)
    fewer = it.model.samples(rows, PASSES - 1, SEED)
    alike(
        fewer,
        found if _members(it) else found[:, :-1],
        f"the first of {PASSES} passes, where fewer are asked for",
        CLOSE,
    )


def looking_changes_nothing(it: Trial) -> None:
    before = it.looks()
    kept = {name: found.clone() for name, found in before.items()}
    for found in before.values():
        found.fill_(0.5)  # a caller may work in place on what it was given
    for name, found in reversed(it.looks().items()):
        alike(found, kept[name], f"{name}, looked at before", 0)


def the_seed_decides(it: Trial) -> None:
    first = it.looks()
    with chance_put_back():
        stir(11)
        it.fit(seed=SEED + 1)
        stir(12)
        again = looks(it.fit(), reversed(first), it.all_rows)
    for name in first:
        alike(again[name], first[name], f"{name} of the same seed, fitted again after another", 0)


def leaves_the_global_random_state(it: Trial) -> None:
    with chance_kept():
        it.learner.offers(it.pool.data)
        looks(it.fit(), it.offers, it.all_rows)


def changes_neither_data_nor_labels(it: Trial) -> None:
    data, untouched = copied(it.pool.data), it.pool.data
    labels, validation = it.pool.labels, _validation(it)
    watch = it.all_rows[::2] if "history" in it.offers else None
    given = labels.copy(), validation.copy(), it.all_rows[::2]
    model = it.learner.fit(data, labels, seed=SEED, watch=watch, validation=validation, previous=None)
    rows = it.all_rows
    looks(model, it.offers, rows)
    for name in ("inputs", "mean", "std"):
        assert torch.equal(getattr(data, name), getattr(untouched, name)), f"changes the data's {name} in place"
    for name, value, was in (("labels", labels, given[0]), ("validation labels", validation, given[1])):
        assert np.array_equal(value, was), f"changes the {name} in place"
    assert watch is None or np.array_equal(watch, given[2]), "changes the watched rows in place"
    assert np.array_equal(rows, it.all_rows), "changes the rows that it is asked about in place"


def learns_from_the_labels(it: Trial) -> None:
    labels = it.pool.labels
    turned = np.where(labels >= 0, (labels + 1) % len(NAMES), labels)
    assert not are_equal(it.fit(turned).probs(it.all_rows), it.model.probs(it.all_rows), CLOSE), (
        "gives the same probs whatever the labels are"
    )


def open_and_skipped_rows_are_of_no_class(it: Trial) -> None:
    """The classes that nobody labelled as, 2 and 3, are no likelier for all the open and skipped rows beside the labels."""
    rows = np.flatnonzero(it.pool.truth[:LABELLED] < 2)
    labels = it.pool.labelled(rows)
    labels[len(labels) // 2 :] = SKIP
    beside = it.fit(labels).probs(it.all_rows)[:, 2:].sum(dim=1).mean()
    data = replace(it.pool.data, inputs=it.pool.data.inputs[rows])
    model = it.learner.fit(data, it.pool.truth[rows], seed=SEED).on(it.pool.data)
    alone = model.probs(it.all_rows)[:, 2:].sum(dim=1).mean()
    assert beside <= alone + LIKELIER, (
        f"gives classes that no row is labelled as {float(beside):.2f} of the probability, and {float(alone):.2f} where it"
        " is given the labelled rows alone: it trains on -1 or -2, which are open and skipped rows"
    )


def few_labels_work_or_are_refused(it: Trial) -> None:
    one_class = np.flatnonzero(it.pool.truth[:LABELLED] == 1)
    for what, rows in (("one label", one_class[:1]), ("labels of one class", one_class), ("two labels", np.arange(2))):
        try:
            model = it.fit(it.pool.labelled(rows))
        except ConfigError:
            continue
        except Exception as error:
            raise AssertionError(
                f"raises {type(error).__name__} on {what}: {error}; work, or raise ConfigError"
            ) from error
        try:
            are_probs(model, it.all_rows)
        except AssertionError as error:
            raise AssertionError(f"on {what}: {error}") from error


def nothing_labelled_is_refused(it: Trial) -> None:
    try:
        it.fit(it.pool.labelled(np.arange(0)))
    except ConfigError:
        return
    except Exception as error:
        raise AssertionError(f"raises {type(error).__name__} where no row is labelled, not ConfigError") from error
    raise AssertionError("trains where no row is labelled; raise ConfigError, which says to label some")


def looks_at_other_data(it: Trial) -> None:
    before = it.looks()
    there = it.model.on(backwards(it.pool.data))
    for name, found in looks(there, it.offers, it.all_rows).items():
        alike(found.flip(0), before[name], f"{name} on the same data turned around", CLOSE)
    alike(it.model.probs(it.all_rows), before["probs"], "probs on its own data, after `on` of others", 0)
    apart = pool(it.shape, rows=28, seed=1).data
    are_probs(it.model.on(apart), np.arange(len(apart)))


def watches_the_training(it: Trial) -> None:
    if "history" not in it.offers:
        return
    watch = it.all_rows[3:40:2]
    model = it.fit(watch=watch)
    history = model.history()
    shape = list(history.shape)
    assert [shape[0], *shape[2:]] == [len(watch), len(NAMES)], (
        f"gives a history {shape} of {len(watch)} watched rows; it must be [{len(watch)}, E, {len(NAMES)}]"
    )
    is_evidence("history", history.float(), it.offers["history"], len(watch))
    alike(model.probs(it.all_rows), it.model.probs(it.all_rows), "probs, with nobody watching", 0)
    turned = it.fit(watch=watch[::-1].copy()).history()
    alike(turned.flip(0), history, "history of the same rows in another order", 1e-3)  # it may be kept as float16
    try:
        it.model.history()
    except MissingEvidence:
        return
    except Exception as error:
        raise AssertionError(
            f"raises {type(error).__name__} for the history of no rows, not MissingEvidence"
        ) from error
    raise AssertionError("gives a history where no row was watched; raise MissingEvidence")


def takes_validation_labels_and_the_last_model(it: Trial) -> None:
    before = it.model.probs(it.all_rows).clone()
    model = it.fit(seed=SEED + 1, validation=_validation(it), previous=it.model)
    are_probs(model, it.all_rows)
    alike(it.model.probs(it.all_rows), before, "probs of the last model, before it was given to `fit`", 0)


def trains_several_as_it_says(it: Trial) -> None:
    has = [name for name in ("fit_many", "epochs_for") if callable(getattr(it.learner, name, None))]
    if not isinstance(it.learner, TrainsTogether):
        assert not has, f"has `{has[0]}` alone; several models take both, `fit_many` and `epochs_for`"
        return
    epochs = it.learner.epochs_for(LABELLED)
    is_count = isinstance(epochs, int) and epochs >= 1
    assert is_count, f"trains {epochs!r} epochs on {LABELLED} labels; 1 or more"
    given = it.pool.data, it.pool.labels
    for stop in (None, 1):
        models = it.learner.fit_many(*given, seeds=(1, 2), epochs=stop)
        assert len(models) == 2, f"gives {len(models)} models for two seeds"
        for model in models:
            are_probs(model, it.all_rows)
    again = it.learner.fit_many(*given, seeds=(1, 2), epochs=1)
    for model, same in zip(models, again, strict=True):
        alike(same.probs(it.all_rows), model.probs(it.all_rows), "probs of the same seeds, trained together", 0)


def trains_in_lockstep_as_it_says(it: Trial) -> None:
    if not isinstance(it.learner, TrainsInLockstep):
        return
    fits = [Fit(it.pool.data, it.pool.labels, seed) for seed in (1, 2, 3)]
    several = it.learner.fit_each(fits)
    assert len(several) == len(fits), f"gives {len(several)} models for {len(fits)} fits"
    by_itself = it.learner.fit_each(fits[1:2])[0].probs(it.all_rows)
    are_probs(several[1], it.all_rows)
    alike(several[1].probs(it.all_rows), by_itself, "probs of a fit by itself, now among others", 0)


LOOKS: Mapping[str, Check] = {
    "offers evidence by its names": offers_evidence_by_its_names,
    "gives probabilities": gives_probabilities,
    "gives what it offers": gives_what_it_offers,
    "rows in another order or in parts look the same": rows_in_another_order_or_in_parts_look_the_same,
    "pass k is one network": pass_k_is_one_network,
    "looking changes nothing": looking_changes_nothing,
    "looks at other data": looks_at_other_data,
    "watches the training": watches_the_training,
}
LABELS: Mapping[str, Check] = {
    "learns from the labels": learns_from_the_labels,
    "open and skipped rows are of no class": open_and_skipped_rows_are_of_no_class,
    "few labels work or are refused": few_labels_work_or_are_refused,
    "nothing labelled is refused": nothing_labelled_is_refused,
    "takes validation labels and the last model": takes_validation_labels_and_the_last_model,
    "changes neither data nor labels": changes_neither_data_nor_labels,
}
CHANCE: Mapping[str, Check] = {
    "the seed decides": the_seed_decides,
    "leaves the global random state": leaves_the_global_random_state,
    "trains several as it says": trains_several_as_it_says,
    "trains in lockstep as it says": trains_in_lockstep_as_it_says,
}
CHECKS: Mapping[str, Check] = {**LOOKS, **LABELS, **CHANCE}


def _validation(it: Trial) -> Labels:
    """Labels of eight rows that are open to training."""
    return it.pool.labelled(it.all_rows[LABELLED + SKIPPED : LABELLED + SKIPPED + 8])
