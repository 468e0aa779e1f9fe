"""Name -> function, per kind. A line here is all that a new strategy needs to be found.

Nothing is imported until it is asked for, so that `activeloop list` is quick and a broken plug-in hurts only who uses
it. A colon always means another package: `package:name` is looked up among its entry points, and failing that
`module:function` is imported.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from activeloop.errors import ConfigError, UnknownName, nearest

ACQUISITIONS = {
    "entropy": "activeloop.acquisitions.uncertainty:entropy",
    "margin": "activeloop.acquisitions.uncertainty:margin",
    "least-confidence": "activeloop.acquisitions.uncertainty:least_confidence",
    "predictive-entropy": "activeloop.acquisitions.committee:predictive_entropy",
    "variation-ratio": "activeloop.acquisitions.committee:variation_ratio",
    "mean-std": "activeloop.acquisitions.committee:mean_std",
    "bald": "activeloop.acquisitions.committee:bald",
    "vote-entropy": "activeloop.acquisitions.committee:vote_entropy",
    "kl-to-consensus": "activeloop.acquisitions.committee:kl_to_consensus",
    "forgetting": "activeloop.acquisitions.dynamics:forgetting",
    "flips": "activeloop.acquisitions.dynamics:flips",
    "label-dispersion": "activeloop.acquisitions.dynamics:label_dispersion",
    "mean-entropy": "activeloop.acquisitions.dynamics:mean_entropy",
    "mean-margin": "activeloop.acquisitions.dynamics:mean_margin",
    "aum": "activeloop.acquisitions.dynamics:aum",
    "el2n": "activeloop.acquisitions.dynamics:el2n",
    "expected-el2n": "activeloop.acquisitions.dynamics:expected_el2n",
    "grand": "activeloop.acquisitions.dynamics:grand",
    "epig": "activeloop.acquisitions.epig:epig",
    "batch-bald": "activeloop.acquisitions.batch_bald:batch_bald",
    "badge": "activeloop.acquisitions.badge:badge",
    "cluster-margin": "activeloop.acquisitions.cluster_margin:cluster_margin",
    "core-set": "activeloop.selectors.k_center:k_center",
}
SELECTORS = {
    "random": "activeloop.selectors.random:random",
    "k-center": "activeloop.selectors.k_center:k_center",
    "k-center-sharded": "activeloop.selectors.k_center_sharded:k_center_sharded",
    "k-means": "activeloop.selectors.k_means:k_means",
    "k-means++": "activeloop.selectors.k_means_plus_plus:k_means_plus_plus",
    "prototypical": "activeloop.selectors.prototypical:prototypical",
    "dbscan": "activeloop.selectors.density:dbscan",
    "optics": "activeloop.selectors.density:optics",
    "typiclust": "activeloop.selectors.typiclust:typiclust",
    "probcover": "activeloop.selectors.probcover:probcover",
    "ccs": "activeloop.selectors.ccs:ccs",
    "d2": "activeloop.selectors.d2:d2",
    "elfs": "activeloop.selectors.double_end:elfs",
    "elfs-quick": "activeloop.selectors.double_end:elfs",
}
EVIDENCE = {
    "pixels": "activeloop.evidence:pixels",
    "probs": "activeloop.evidence:probs",
    "samples": "activeloop.evidence:samples",
    "embeddings": "activeloop.evidence:embeddings",
    "history": "activeloop.evidence:history",
    "inputs": "activeloop.evidence:inputs",
    "previous": "activeloop.providers.reference:previous",
    "final": "activeloop.providers.reference:final",
    "neighbours": "activeloop.providers.reference:neighbours",
    "named-clusters": "activeloop.providers.reference:named_clusters",
    "early": "activeloop.providers.early:early",
    "early_lengths": "activeloop.providers.early:early_lengths",
    "ensemble": "activeloop.providers.ensemble:ensemble",
    "snapshots": "activeloop.providers.ensemble:snapshots",
    "laplace": "activeloop.providers.laplace:laplace",
    "targets": "activeloop.providers.targets:targets",
    "agglomerative": "activeloop.providers.agglomerative:agglomerative",
    "clusters": "activeloop.providers.temi:clusters",
    "proxy": "activeloop.providers.proxy:proxy",
    "probe": "activeloop.providers.probe:probe",
    "second-split": "activeloop.providers.second_split:second_split",
    "prototypicality": "activeloop.providers.prototypicality:prototypicality",
    "prior": "activeloop.providers.cutoff:prior",
    "search": "activeloop.providers.cutoff:search",
    "fixed": "activeloop.providers.cutoff:fixed",
}
LEARNERS = {
    "supervised": "activeloop.learners.supervised:Supervised",
    "sklearn": "activeloop.learners.sklearn:Sklearn",
    "committee": "activeloop.learners.committee:Committee",
    "modal": "activeloop.bridges.modal_learner:Modal",
}
NETS = {
    "linear": "activeloop.learners.nets:linear",
    "mlp": "activeloop.learners.nets:mlp",
    "cnn": "activeloop.learners.nets:cnn",
    "gal2017": "activeloop.learners.nets:gal2017",
    "resnet18": "activeloop.learners.nets:resnet18",
    "wrn-28-2": "activeloop.learners.nets:wrn_28_2",
}
ORACLES = {
    "simulated": "oracles.simulated:Simulated",
    "recorded": "oracles.recorded:recorded",
    "symmetric": "oracles.noise:symmetric",
    "pair": "oracles.noise:pair",
    "asymmetric": "oracles.noise:asymmetric",
    "transition": "oracles.noise:transition",
    "instance": "oracles.noise:instance",
    "confusable": "oracles.noise:confusable",
    "tired": "oracles.annotators:Tired",
    "habituated": "oracles.annotators:Habituated",
    "gambler": "oracles.annotators:Gambler",
    "anchored": "oracles.annotators:Anchored",
    "overconfident": "oracles.annotators:Overconfident",
    "underconfident": "oracles.annotators:Underconfident",
    "abstaining": "oracles.conditions:Abstaining",
    "delayed": "oracles.conditions:Delayed",
    "costly": "oracles.conditions:Costly",
    "named": "oracles.conditions:Named",
    "panel": "oracles.panel:Panel",
}


@dataclass(frozen=True)
class Preset:
    """A strategy with other settings than its defaults; what a user sets wins over them.

    line: what `list` says of it, where the selector's own line would not tell it from another.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    bind: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    line: str = ""

    def under(
        self, bind: Mapping[str, str], evidence: Mapping[str, Mapping[str, Any]], options: Mapping[str, Any]
    ) -> tuple[Mapping[str, str], Mapping[str, Mapping[str, Any]], Mapping[str, Any]]:
        """The user's settings with these below them. Options of a provider fall away where another one is bound."""
        kept = {name: given for name, given in self.evidence.items() if bind.get(name) in (None, self.bind.get(name))}
        names = {**kept, **evidence}
        merged = {name: {**kept.get(name, {}), **evidence.get(name, {})} for name in names}
        return {**self.bind, **bind}, merged, {**self.options, **options}


PSEUDO = {"reference": "clusters", "difficulty": "proxy"}
# of the ten thousand rows that two cores have minutes for; benchmarks/elfs_quick.py says what each gives up
QUICK = {
    "reference": {
        "layers": "linear", "heads": 16, "epochs": 40, "batch": 256, "neighbours": 25, "lr": 1e-2, "warm_up": 2,
        "momentum": 0.9, "dimensions": 64, "consensus": True,
    },
    "difficulty": {
        "score": "dual", "net": "cnn", "epochs": 30, "batch": 64, "lr": 3e-3, "optimiser": "adamw", "weight_decay": 1e-2,
        "augment": "crop",
    },
}  # fmt: skip
PRESETS = {
    "elfs": Preset(bind={**PSEUDO, "cutoff": "search"}, evidence={"cutoff": {"how": "proxy", "net": "resnet18"}}),
    "elfs-quick": Preset(
        bind={**PSEUDO, "cutoff": "search"},
        evidence=QUICK,
        line="`elfs` in minutes: linear heads on 64 components, and a small net watched for 30 epochs.",
    ),
    "ccs": Preset(bind={**PSEUDO, "cutoff": "prior"}, evidence=QUICK),
    "d2": Preset(bind={"difficulty": "prototypicality"}),
    "cluster-margin": Preset(bind={"reference": "agglomerative"}),
    "core-set": Preset(
        bind={"features": "embeddings"},
        line="`k-center` on the current model's embeddings, labelled rows as centres.",
    ),
}
# before the colon of a strategy -> what makes a function of the name behind it
BRIDGES = {"baal": "activeloop.bridges.baal:strategy", "modal": "activeloop.bridges.modal:strategy"}
# a field of a docstring: up to a blank line, the next field on the same line, or a line that is not indented
SOURCE = re.compile(r"(?:^|(?<= {4}))source:\s*(.*?)(?=\n\s*\n|\n\S|(?<=\S) {4}\S+:|\Z)", re.DOTALL | re.MULTILINE)
KINDS: dict[str, dict[str, str]] = {
    "acquisitions": ACQUISITIONS,
    "selectors": SELECTORS,
    "evidence": EVIDENCE,
    "learners": LEARNERS,
    "nets": NETS,
    "oracles": ORACLES,
}


def find(kind: str, name: str) -> Callable[..., Any]:
    """The function called `name`; raises UnknownName, which says what is near and where to look."""
    if name in KINDS[kind]:
        return _imported(KINDS[kind][name])
    if ":" in name:
        return _from_elsewhere(kind, name)
    raise UnknownName(
        f"no {kind.removesuffix('s')} is called {name!r}{nearest(name, KINDS[kind])} `activeloop list {kind}` shows all"
        f" {len(KINDS[kind])}; one from another package is written 'package:name'."
    )


def find_strategy(name: str) -> Callable[..., Any]:
    """An acquisition function or a selector: seeding and acquiring are the same kind of thing."""
    for kind in ("acquisitions", "selectors"):
        if name in KINDS[kind]:
            return find(kind, name)
    library, colon, theirs = name.partition(":")
    if library in BRIDGES:
        found: Callable[..., Any] = _imported(BRIDGES[library])(theirs)
        return found
    if colon:
        return _from_elsewhere("acquisitions", name, "selectors")
    known = [*ACQUISITIONS, *SELECTORS]
    raise UnknownName(
        f"no strategy is called {name!r}{nearest(name, known)} `activeloop list acquisitions` and `activeloop list"
        f" selectors` show all {len(known)}; one from another package is written 'package:name'."
    )


class Entry(NamedTuple):
    """What `list` shows.

    line: the first of the docstring.    source: the paper or book that its field `source:` names first, or "".
    """

    name: str
    line: str
    source: str = ""


def describe(kind: str) -> list[Entry]:
    """Every entry, and what plug-ins offer; imports none of them.

    The line of a plug-in whose source cannot be read is its module:function.
    """
    own = []
    for name, place in KINDS[kind].items():
        line, source = _told(place)
        own.append(Entry(name, PRESETS.get(name, Preset()).line or line, source))
    theirs = [(name, point.value, *_told(point.value)) for name, point in sorted(plugins(kind).items())]
    return own + [Entry(name, line or value, source) for name, value, line, source in theirs]


def _from_elsewhere(*kinds_and_name: str) -> Callable[..., Any]:
    first, name, *others = kinds_and_name
    for kind in (first, *others):
        point = plugins(kind).get(name)
        if point is not None:
            return _loaded(point.load, name)
    return _imported(name)


def plugins(kind: str) -> dict[str, metadata.EntryPoint]:
    """Name -> entry point of what installed packages offer of this kind."""
    points = metadata.entry_points(group=f"activeloop.{kind}")
    return {f"{point.dist.name if point.dist else point.module}:{point.name}": point for point in points}


def _imported(place: str) -> Callable[..., Any]:
    module, _, attribute = place.partition(":")
    return _loaded(lambda: getattr(import_module(module), attribute), place)


def _loaded(load: Callable[[], Any], name: str) -> Callable[..., Any]:
    try:
        found = load()
    except (ImportError, AttributeError) as error:
        raise UnknownName(
            f"{name!r} cannot be imported: {error}. A name with a colon is an installed package's entry point, or"
            f" module:function with the module on the path (the command line adds the folder it is called in)."
        ) from error
    if not callable(found):
        raise ConfigError(f"{name!r} is a {type(found).__name__}, not a function.")
    return found  # type: ignore[no-any-return]


def _told(place: str) -> tuple[str, str]:
    """The first docstring line of module:name and its source, read from the file so that nothing heavy is imported.

    Both are "" where the file cannot be found or read: a plug-in may be broken, or no Python at all.
    """
    module, _, attribute = place.partition(":")
    try:
        body = ast.parse(_file(module).read_text(encoding="utf-8")).body
    except (ImportError, OSError, SyntaxError, ValueError):
        return "", ""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == attribute:
            text = ast.get_docstring(node) or ""
            return text.partition("\n")[0], _source(text)
    return "", ""


def _file(module: str) -> Path:
    package, *inside = module.split(".")
    found = find_spec(package)  # of a top package, which imports nothing
    top = Path((found and found.origin) or "")
    if not inside:
        return top
    at = top.parent.joinpath(*inside)
    return at / "__init__.py" if at.is_dir() else at.with_suffix(".py")


def _source(docstring: str) -> str:
    """The first sentence of the field `source:`, which may go on over indented lines."""
    found = SOURCE.search(docstring)
    text = " ".join(found.group(1).split()) if found else ""
    return re.split(r"\.(?: (?=[A-Z])|$)", text)[0]
