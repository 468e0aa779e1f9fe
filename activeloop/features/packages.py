"""Encoders that other packages bring along: timm, and repositories that torch.hub loads."""

from __future__ import annotations

from pathlib import Path

import torch

from activeloop.errors import ConfigError, UnknownName, nearest
from activeloop.features.plan import Encoder, Plan, check_counts
from activeloop.features.pretrained import Sight, check_given, encoder, fetched, identity, weights_name
from activeloop.features.rows import span
from activeloop.features.store import Work
from activeloop.features.weights import digest_of, load_into, read_weights
from activeloop.learners.loop import seeded
from activeloop.types import Data

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # mean and deviation that nearly every net was trained with


def timm(
    data: Data,
    name: str,
    *,
    weights_path: str = "",
    pretrained: bool = True,
    batch: int = 64,
    threads: int = 2,
    device: str = "cpu",
) -> Plan:
    """A timm model without its classifier, on images scaled to what its weights were trained on.

    weights_path: a file of weights, in the place of those that timm downloads.    pretrained: False leaves the weights
    random, for trying things out.
    raises: UnknownName, ConfigError where timm is not installed.
    """
    source = f"timm:{name}"
    check_given(data, source, batch, threads, device)
    try:
        import timm as package
    except ImportError as error:
        raise ConfigError(f"features {source!r} need timm ({error}): pip install 'activeloop[timm]'.") from error
    if not package.is_model(name):
        near = nearest(name, package.list_models())
        raise UnknownName(f"timm has no model {name!r}{near} timm.list_models() gives all.")
    with seeded(0):
        bare = package.create_model(name, pretrained=False, num_classes=0)
    seen = package.data.resolve_model_data_config(bare)
    _, height, width = seen["input_size"]
    resize = int(min(height, width) / seen["crop_pct"])
    sight = Sight(resize, (height, width), seen["mean"], seen["std"], seen["interpolation"])
    white, wants = span(data), pretrained and not weights_path

    def fit(work: Work) -> Encoder:
        net = bare
        if wants:
            net = fetched(lambda: package.create_model(name, pretrained=True, num_classes=0), source)
        elif weights_path:
            load_into(net, read_weights(weights_path, source), "", source, weights_path)
        tag = "pretrained" if wants else "random weights"
        return encoder(net, sight, white, device, f"{source}, {weights_name(tag, weights_path)}, {height} px")

    which = repr(sorted(bare.pretrained_cfg.items(), key=str)) if wants else "random"
    return Plan(fit, identity(which, weights_path, source), batch, threads)


def hub(
    data: Data,
    name: str,
    *,
    path: str = "",
    size: int = 224,
    weights_path: str = "",
    batch: int = 64,
    threads: int = 2,
    device: str = "cpu",
) -> Plan:
    """A torch.hub model, such as DINO's: what it gives as it is, on images scaled as ImageNet's are.

    It runs code of the repository that is named; nothing else is checked about it.

    path: a local copy of the repository, in the place of GitHub.    size: side of the images, in pixels.    weights_path: a
    file of weights for it, loaded over those that it comes with: the model is then made with pretrained=False.
    """
    source = f"hub:{name}"
    check_given(data, source, batch, threads, device)
    check_counts(source, size=size)
    repository, colon, model = name.rpartition(":")
    if not colon or "/" not in repository:
        raise ConfigError(f"features {source!r} should read hub:OWNER/REPO:MODEL, or hub:OWNER/REPO:BRANCH:MODEL.")
    if path and not (Path(path) / "hubconf.py").is_file():
        raise ConfigError(
            f"option 'path' of {source!r} is {path!r}, which has no hubconf.py; name a copy of {repository}."
        )
    resize = round(size * 8 / 7)  # 256 for 224, as DINO has it
    sight, white = Sight(resize, (size, size), *IMAGENET, "bicubic"), span(data)

    def fit(work: Work) -> Encoder:
        where, kind = (path, "local") if path else (repository, "github")
        bare = {"pretrained": False} if weights_path else {}
        net = fetched(
            lambda: torch.hub.load(where, model, source=kind, trust_repo=True, **bare),  # type: ignore[no-untyped-call]
            source,
        )
        if weights_path:
            load_into(net, read_weights(weights_path, source), "", source, weights_path)
        return encoder(
            net, sight, white, device, f"{source}, {weights_name('its own weights', weights_path)}, {size} px"
        )

    code = digest_of(Path(path) / "hubconf.py") if path else ""
    return Plan(fit, identity(code, weights_path, source), batch, threads)
