"""A denoising autoencoder of the pool."""

from __future__ import annotations

from math import prod

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import mse_loss

from activeloop.errors import ConfigError
from activeloop.features import views
from activeloop.features.contrast import EMBEDDED, fitted, normaliser
from activeloop.features.encoders import LEAST, ImageDecoder, plain_encoder, trunk
from activeloop.features.plan import Encoder, Plan, check_counts
from activeloop.features.rows import check_images
from activeloop.features.store import Work
from activeloop.features.training import Schedule, built
from activeloop.types import Data


def autoencoder(
    data: Data,
    *,
    steps: int = 3000,
    epochs: int = 0,
    batch: int = 128,
    lr: float = 2e-3,
    weight_decay: float = 1e-4,
    width: int = 16,
    dimensions: int = 64,
    hidden: float = 0.3,
    seed: int = 0,
    threads: int = 2,
    precision: str = "float32",
    device: str = "cpu",
) -> Plan:
    """The code from which a decoder paints a row again whose pixels were in part hidden.

    It keeps what most pixels depend on, which is not always what tells classes apart: on photographs `simclr` is better.

    hidden: share of values set to the mean before encoding.    dimensions: of the code.    Other options are those of
    `simclr`.    source:  Vincent et al. 2008, "Extracting and composing robust features with denoising autoencoders".
    """
    if not 0 <= hidden < 1:
        raise ConfigError(f"option 'hidden' of 'autoencoder' is {hidden}; it is a share: 0 or more, and less than 1.")
    schedule = Schedule("autoencoder", epochs, steps, batch, lr, weight_decay, threads, seed, precision, device)
    check_counts(schedule.source, width=width, dimensions=dimensions)
    schedule.check(len(data))
    shape, rows = tuple(data.inputs.shape[1:]), len(data)
    if len(shape) > 1:
        check_images(data, LEAST, schedule.source)
    normalise = normaliser(data, schedule.device)

    def fit(work: Work) -> Encoder:
        net = built(lambda: _net(shape, width, dimensions), schedule)

        def loss(inputs: Tensor, chance: Generator) -> Tensor:
            with torch.no_grad():
                clean = normalise(inputs)
                seen = views.mask(clean, chance, share=hidden)
            painted = net["decoder"](net["encoder"](seen))  # type: ignore[index]
            return mse_loss(painted.float(), clean)

        reached = fitted(net, loss, data.inputs, schedule, work)
        encoder: nn.Module = net["encoder"]  # type: ignore[index]
        passes = schedule.passes(rows)
        says = f"autoencoder, {dimensions} dimensions, {passes:,} epochs on {rows:,} rows"
        return Encoder(lambda inputs: encoder(normalise(inputs)), says, {"epochs": passes, "loss": reached})

    return Plan(fit, batch=EMBEDDED, threads=threads)


def _net(shape: tuple[int, ...], width: int, dimensions: int) -> nn.Module:
    if len(shape) == 1:
        encoder = plain_encoder(prod(shape), width, dimensions)
        return nn.ModuleDict({"encoder": encoder, "decoder": plain_encoder(dimensions, width, prod(shape))})
    maps = trunk(shape, width, 8 * width)
    with torch.no_grad():
        size = maps.eval()(torch.zeros(1, *shape)).numel()
    maps.train()
    encoder = nn.Sequential(maps, nn.Flatten(), nn.Linear(size, dimensions))
    return nn.ModuleDict({"encoder": encoder, "decoder": ImageDecoder(shape, width, dimensions)})
