"""Encoders that were trained elsewhere: torchvision's by name, and what those of other packages share with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from activeloop.errors import ConfigError, UnknownName, nearest
from activeloop.features.plan import Encoder, Plan, check_counts, check_device
from activeloop.features.rows import Span, check_images, span
from activeloop.features.store import Work
from activeloop.features.weights import digest_of, load_into, read_weights
from activeloop.types import JSON, Data

RGB = 3


@dataclass(frozen=True)
class Sight:
    """How a net wants its images: the shorter side scaled to `resize`, the centre of `crop` cut out, then normalised."""

    resize: int
    crop: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bilinear"

    def __call__(self, pixels: Tensor) -> Tensor:
        """[n, 1 | 3, H, W] in [0, 1] -> [n, 3, *crop]; grey is repeated, a fourth channel is dropped."""
        from torchvision.transforms import InterpolationMode
        from torchvision.transforms.functional import center_crop, normalize, resize

        seen = pixels[:, :RGB] if pixels.shape[1] >= RGB else pixels[:, :1].expand(-1, RGB, -1, -1)
        seen = resize(seen, [self.resize], InterpolationMode(self.interpolation), antialias=True)
        seen = center_crop(seen.clamp(0, 1), list(self.crop))  # bicubic overshoots
        normal: Tensor = normalize(seen, list(self.mean), list(self.std))
        return normal


def torchvision(
    data: Data,
    name: str,
    *,
    weights: str = "DEFAULT",
    weights_path: str = "",
    batch: int = 64,
    threads: int = 2,
    device: str = "cpu",
) -> Plan:
    """What a torchvision classifier's last linear layer sees, on images scaled to what its weights were trained on.

    weights: an entry of the model's weights, by default the best.    weights_path: a file of them, .safetensors or what
    torch.save wrote; nothing is downloaded then.
    raises: UnknownName, ConfigError.
    """
    from torchvision.models import get_model, get_model_weights, list_models

    source = f"torchvision:{name}"
    check_given(data, source, batch, threads, device)
    if name not in list_models():
        raise UnknownName(
            f"torchvision has no model {name!r}{nearest(name, list_models())} torchvision.models.list_models() gives all."
        )
    known = get_model_weights(name)
    if weights not in known.__members__:
        raise ConfigError(
            f"{source!r} has no weights {weights!r}{nearest(weights, known.__members__)} Allowed are"
            f" {', '.join(known.__members__) or 'none'}."
        )
    entry = known[weights]
    sight, white = _torchvision_sight(entry, source), span(data)

    def fit(work: Work) -> Encoder:
        net = get_model(name, weights=None)
        if hasattr(net, "transform_input"):  # torchvision sets it wherever it loads weights of its own
            net.transform_input = True
        head = drop_head(net, source)
        load_into(net, _torchvision_weights(entry, weights_path, source), head, source, weights_path)
        says = f"{source}, {weights_name(entry.name, weights_path)}, {sight.crop[0]} px"
        return encoder(net, sight, white, device, says)

    return Plan(fit, identity(entry.name + " " + entry.url, weights_path, source), batch, threads)


def drop_head(net: nn.Module, source: str) -> str:
    """Puts nothing in the place of the last linear layer, and gives its name. raises: ConfigError where there is none."""
    names = [name for name, module in net.named_modules() if isinstance(module, nn.Linear)]
    if not names:
        raise ConfigError(
            f"{source!r} has no linear layer at its end, so nothing says what its features are; take another."
        )
    parent, _, own = names[-1].rpartition(".")
    setattr(net.get_submodule(parent), own, nn.Identity())
    return str(names[-1])


def encoder(net: nn.Module, sight: Sight, white: Span, device: str, says: str) -> Encoder:
    net = net.to(device).eval()

    def embed(inputs: Tensor) -> Tensor:
        found: Tensor = net(sight(white.unit(inputs.to(device))))
        return found

    return Encoder(embed, says, {"resize": sight.resize, "crop": list(sight.crop), "white": white.high})


def check_given(data: Data, source: str, batch: int, threads: int, device: str) -> None:
    check_images(data, 1, source)
    check_counts(source, batch=batch, threads=threads)
    check_device(source, device)


def _torchvision_sight(entry: Any, source: str) -> Sight:
    wants = entry.transforms()
    if type(wants).__name__ != "ImageClassification":
        raise ConfigError(f"{source!r} is no classifier of images ({type(wants).__name__}); take one that is.")
    crop = wants.crop_size[0]
    return Sight(wants.resize_size[0], (crop, crop), tuple(wants.mean), tuple(wants.std), wants.interpolation.value)


def _torchvision_weights(entry: Any, path: str, source: str) -> Mapping[str, Tensor]:
    if path:
        return read_weights(path, source)
    own: Mapping[str, Tensor] = fetched(lambda: entry.get_state_dict(progress=True, check_hash=True), source)
    return own


def fetched(fetch: Callable[[], Any], source: str) -> Any:
    """What a library downloads. raises: ConfigError, since it raises anything where there is no network."""
    try:
        return fetch()
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(
            f"the weights of {source!r} could not be had ({type(error).__name__}: {reason}). Without a network, copy the file"
            f" to this machine and set the option weights_path, or put it into {torch.hub.get_dir()}/checkpoints."
        ) from error


def identity(which: str, path: str, source: str) -> Mapping[str, JSON]:
    """What decides a net's weights and how it is fed. raises: ConfigError where the file is not there."""
    if path and not Path(path).is_file():
        raise ConfigError(f"option 'weights_path' of {source!r} is {path!r}; there is no such file.")
    return {"which": which, "weights": digest_of(Path(path)) if path else ""}


def weights_name(name: str, path: str) -> str:
    return Path(path).name if path else name
