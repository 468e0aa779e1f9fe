"""Names of feature sources. Nothing is imported until one is asked for, so that a list of them is quick."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from activeloop.catalogue import find
from activeloop.errors import ConfigError, UnknownName, nearest

if TYPE_CHECKING:
    from activeloop.features.plan import Plan

# name, or what stands before the colon -> where its function is, and what it gives
SOURCES: dict[str, tuple[str, str]] = {
    "pixels": ("", "the inputs themselves, flattened"),
    "pca": ("activeloop.features.pca:pca", "the leading principal components of the flattened inputs"),
    "autoencoder": (
        "activeloop.features.reconstruct:autoencoder",
        "the code of a denoising autoencoder trained on the pool; needs no network",
    ),
    "simclr": (
        "activeloop.features.contrast:simclr",
        "an encoder trained on the pool to tell rows apart in two random views; needs no network",
    ),
    "vicreg": (
        "activeloop.features.contrast:vicreg",
        "an encoder trained on the pool to agree on two views and spread over all dimensions; needs no network",
    ),
    "torchvision:NAME": (
        "activeloop.features.pretrained:torchvision",
        "a torchvision classifier with pretrained weights, downloaded or from weights_path",
    ),
    "timm:NAME": ("activeloop.features.packages:timm", "a timm model; needs pip install 'activeloop[timm]'"),
    "hub:OWNER/REPO:MODEL": (
        "activeloop.features.packages:hub",
        "a torch.hub model, such as hub:facebookresearch/dino:main:dino_vits16; runs that repository's code",
    ),
    "module:function": (
        "activeloop.features.own:user",
        "your own: (shape of one input) -> a torch module that gives [n, D]",
    ),
}
ELSEWHERE = {
    "embeddings": "the current model's embeddings change every round and are no features of the data: bind them, e.g."
    " --set acquire.bind.features=embeddings"
}


def describe() -> list[tuple[str, str]]:
    """(name, what it gives) of every source."""
    return [(name, about) for name, (_, about) in SOURCES.items()]


def find_source(source: str) -> tuple[Callable[..., Plan], str]:
    """The function of a source, and what stands behind the colon: "resnet18" of "torchvision:resnet18", else "".

    raises: UnknownName, ConfigError.
    """
    if source in ELSEWHERE:
        raise ConfigError(f"features = {source!r}: {ELSEWHERE[source]}.")
    by_prefix: Mapping[str, str] = {
        name.partition(":")[0]: place for name, (place, _) in SOURCES.items() if ":" in name
    }
    prefix, colon, rest = source.partition(":")
    if colon and not rest:
        raise ConfigError(f"features = {source!r} ends in its colon; write {_form(prefix)}.")
    if colon:
        known = prefix in by_prefix and prefix != "module"
        return _imported(by_prefix[prefix if known else "module"]), rest if known else source
    if source not in SOURCES or not SOURCES[source][0]:
        plain = [name for name in SOURCES if ":" not in name]
        raise UnknownName(
            f"no source of features is called {source!r}{nearest(source, [*plain, *by_prefix])} Allowed are"
            f" {', '.join(SOURCES)}, or the path of an .npy; `activeloop list features` says what each gives."
        )
    return _imported(SOURCES[source][0]), ""


def user_function(name: str) -> Callable[..., object]:
    """What a user's module:function names. raises: UnknownName."""
    return find("nets", name)


def _form(prefix: str) -> str:
    return next((name for name in SOURCES if name.startswith(f"{prefix}:")), "module:function")


def _imported(place: str) -> Callable[..., Plan]:
    module, _, attribute = place.partition(":")
    function: Callable[..., Plan] = getattr(import_module(module), attribute)
    return function
