"""Encoders trained on two random views of every row of the pool: SimCLR and VICReg."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import torch
from torch import Generator, Tensor, nn

from activeloop.errors import ConfigError
from activeloop.features import losses, views
from activeloop.features.encoders import LEAST, image_encoder, plain_encoder, projector
from activeloop.features.plan import Encoder, Plan, check_choice, check_counts
from activeloop.features.rows import check_images, span
from activeloop.features.store import Work
from activeloop.features.training import Schedule, built, train
from activeloop.types import Data

EMBEDDED = 256  # rows at a time
RGB = 3


def simclr(
    data: Data,
    *,
    temperature: float = 0.2,
    steps: int = 3000,
    epochs: int = 0,
    batch: int = 128,
    lr: float = 2e-3,
    weight_decay: float = 1e-4,
    width: int = 16,
    dimensions: int = 128,
    crop: float = 0.0,
    flip: str = "auto",
    seed: int = 0,
    threads: int = 2,
    precision: str = "float32",
    device: str = "cpu",
) -> Plan:
    """An encoder that tells the views of one row from those of all others in the batch.

    temperature: the paper's 0.5 suits batches of thousands; here 0.2 gave better neighbours.    steps: mini-batches, of
    which `epochs`, where not 0, takes the place.    width: channels of the first layer.    crop: least share of an image
    that a view shows; 0 is 0.2 for colour and 0.4 for grey.    flip: "yes", "no", or "auto", only colour images, since
    mirrored letters and digits are others.    precision: "bfloat16" is twice as fast where the processor has it.
    source:  arXiv:2002.05709.
    """
    if temperature <= 0:
        raise ConfigError(f"option 'temperature' of 'simclr' is {temperature}; it must be above 0.")
    schedule = Schedule("simclr", epochs, steps, batch, lr, weight_decay, threads, seed, precision, device)
    look = _view(data, "simclr", crop, flip)
    head = 128  # the paper's; what the loss sees
    return _plan(data, schedule, look, width, dimensions, head, lambda a, b: losses.nt_xent(a, b, temperature))


def vicreg(
    data: Data,
    *,
    steps: int = 3000,
    epochs: int = 0,
    batch: int = 128,
    lr: float = 2e-3,
    weight_decay: float = 1e-4,
    width: int = 16,
    dimensions: int = 128,
    expander: int = 512,
    crop: float = 0.0,
    flip: str = "auto",
    seed: int = 0,
    threads: int = 2,
    precision: str = "float32",
    device: str = "cpu",
) -> Plan:
    """An encoder whose two views agree, whose dimensions all vary, and no two of which say the same.

    It compares no rows with one another, so small batches serve it.    expander: width of what the loss sees; the paper's
    8,192 is for large nets.    Other options are those of `simclr`.
    source:  arXiv:2105.04906.
    """
    check_counts("vicreg", expander=expander)
    schedule = Schedule("vicreg", epochs, steps, batch, lr, weight_decay, threads, seed, precision, device)
    return _plan(data, schedule, _view(data, "vicreg", crop, flip), width, dimensions, expander, losses.vicreg)


def normaliser(data: Data, device: str) -> Callable[[Tensor], Tensor]:
    """Inputs in their own units -> float32 of mean 0 and deviation 1, channels last where they are images."""
    mean, std = data.mean.to(device), data.std.to(device)

    def normalise(inputs: Tensor) -> Tensor:
        scaled = (inputs.to(device).float() - mean) / std
        return scaled.contiguous(memory_format=torch.channels_last) if scaled.dim() == 4 else scaled

    return normalise


def _plan(
    data: Data,
    schedule: Schedule,
    look: views.View,
    width: int,
    dimensions: int,
    head: int,
    compare: Callable[[Tensor, Tensor], Tensor],
) -> Plan:
    check_counts(schedule.source, width=width, dimensions=dimensions)
    schedule.check(len(data))
    shape, rows = tuple(data.inputs.shape[1:]), len(data)
    normalise = normaliser(data, schedule.device)

    def make() -> nn.Module:
        images = len(shape) == 3
        net = image_encoder(shape, width, dimensions) if images else plain_encoder(prod(shape), width, dimensions)
        return nn.ModuleDict({"encoder": net, "head": projector(dimensions, max(dimensions, head), head)})

    def fit(work: Work) -> Encoder:
        net = built(make, schedule)

        def loss(inputs: Tensor, chance: Generator) -> Tensor:
            with torch.no_grad(), torch.autocast(schedule.device, enabled=False):
                both = normalise(torch.cat([look(inputs, chance), look(inputs, chance)]))
            seen: Tensor = net["head"](net["encoder"](both))  # type: ignore[index]
            first, second = seen.chunk(2)
            with torch.autocast(schedule.device, enabled=False):
                return compare(first, second)

        reached = fitted(net, loss, data.inputs, schedule, work)
        encoder: nn.Module = net["encoder"]  # type: ignore[index]
        passes = schedule.passes(rows)
        says = f"{schedule.source}, {dimensions} dimensions, {passes:,} epochs on {rows:,} rows"
        return Encoder(lambda inputs: encoder(normalise(inputs)), says, {"epochs": passes, "loss": reached})

    return Plan(fit, batch=EMBEDDED, threads=schedule.threads)


def fitted(
    net: nn.Module, loss: Callable[[Tensor, Generator], Tensor], inputs: Tensor, schedule: Schedule, work: Work
) -> float:
    """`net` trained, or recalled; afterwards only its encoder is kept on disk. Gives the last epoch's mean loss."""
    kept = work.recall()
    if kept is not None and kept.get("done"):
        net["encoder"].load_state_dict(kept["encoder"])  # type: ignore[index]
        net.eval()
        return float(kept["loss"])
    reached = train(net, loss, inputs, schedule, work)
    work.keep({"done": True, "encoder": net["encoder"].state_dict(), "loss": reached})  # type: ignore[index]
    return reached


def _view(data: Data, source: str, crop: float, flip: str) -> views.View:
    """What a view is: for images a cut, a mirror and other colours; for features noise and holes."""
    check_choice(source, "flip", flip, ("auto", "yes", "no"))
    if not 0 <= crop <= 1:
        raise ConfigError(f"option 'crop' of {source!r} is {crop}; it is a share of the image: 0 (by itself) to 1.")
    if data.inputs.dim() == 2:
        return lambda rows, chance: views.features(rows, data.mean, data.std, chance)
    channels = check_images(data, LEAST, source)[0]
    colour, white = channels == RGB, span(data)
    mirrored = flip == "yes" or (flip == "auto" and colour)

    def look(rows: Tensor, chance: Generator) -> Tensor:
        seen = views.image(white.unit(rows), chance, colour=colour, least=crop, mirrored=mirrored)
        return white.back(seen)

    return look
