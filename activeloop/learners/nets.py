"""Networks by name: (shape of one input, number of classes) -> an untrained module.

A net of your own is a function of this kind, `learner.options.net = "module:function"`; the module gives logits [n, C].
Its embedding is what its last `nn.Linear` sees; its `nn.Dropout` layers make its passes stochastic. Where a net is a
plain `nn.Sequential`, what stands before its first dropout is computed once for all passes.
"""

from __future__ import annotations

from math import prod

from torch import Tensor, nn

from activeloop.errors import ConfigError

Shape = tuple[int, ...]


def linear(shape: Shape, classes: int) -> nn.Module:
    """One linear layer: multinomial logistic regression, the probe on cached features."""
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), classes))


def mlp(shape: Shape, classes: int, *, width: int = 128, dropout: float = 0.25) -> nn.Module:
    """Two hidden layers with dropout after each, for features or small images."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(prod(shape), width), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(width, width), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(width, classes),
    )  # fmt: skip


def cnn(shape: Shape, classes: int, *, width: int = 16, dropout: float = 0.25) -> nn.Module:
    """Two 3x3 convolutions, each halving the image, one hidden layer, and dropout before the last: the default."""
    channels, height, across = _image(shape, 4, "cnn")
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(2 * width * (height // 4) * (across // 4), 4 * width), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(4 * width, classes),
    )  # fmt: skip


def gal2017(shape: Shape, classes: int) -> nn.Module:
    """The net of Gal, Islam & Ghahramani 2017, arXiv:1703.02910: conv 32@4x4 twice, dropout 0.25, dense 128, 0.5."""
    channels, height, across = _image(shape, 8, "gal2017")
    return nn.Sequential(
        nn.Conv2d(channels, 32, 4), nn.ReLU(), nn.Conv2d(32, 32, 4), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(32 * ((height - 6) // 2) * ((across - 6) // 2), 128), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(128, classes),
    )  # fmt: skip


def resnet18(shape: Shape, classes: int, *, dropout: float = 0.0) -> nn.Module:
    """ResNet-18 with the stem for small images: one 3x3 convolution and no pooling, arXiv:1512.03385."""
    from torchvision.models import resnet18 as trunk  # takes seconds to import

    net = trunk()
    net.conv1 = nn.Conv2d(_image(shape, 8, "resnet18")[0], 64, 3, padding=1, bias=False)
    net.maxpool = nn.Identity()
    net.fc = nn.Identity()
    return nn.Sequential(net, *_dropout(dropout), nn.Linear(512, classes))


def wrn_28_2(shape: Shape, classes: int, *, dropout: float = 0.0) -> nn.Module:
    """WideResNet-28-2, pre-activation, arXiv:1605.07146: the usual net of semi-supervised work on small images."""
    stem = nn.Conv2d(_image(shape, 8, "wrn-28-2")[0], 16, 3, padding=1, bias=False)
    blocks: list[nn.Module] = []
    width = 16
    for out, stride in ((32, 1), (64, 2), (128, 2)):
        for block in range(4):
            blocks.append(_PreActivation(width, out, stride if block == 0 else 1))
            width = out
    head = (nn.BatchNorm2d(128), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(nn.Sequential(stem, *blocks, *head), *_dropout(dropout), nn.Linear(128, classes))


class _PreActivation(nn.Module):
    def __init__(self, width: int, out: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU())
        self.rest = nn.Sequential(
            nn.Conv2d(width, out, 3, stride, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(),
            nn.Conv2d(out, out, 3, padding=1, bias=False),
        )  # fmt: skip
        self.short = nn.Identity() if width == out else nn.Conv2d(width, out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        activated = self.first(x)
        short = x if isinstance(self.short, nn.Identity) else self.short(activated)
        short_plus: Tensor = short + self.rest(activated)
        return short_plus


def _dropout(rate: float) -> list[nn.Module]:
    return [nn.Dropout(rate)] if rate else []


def _image(shape: Shape, least: int, net: str) -> tuple[int, int, int]:
    if len(shape) != 3 or min(shape[1:]) < least:
        raise ConfigError(
            f"net {net!r} takes images [channels, H, W] of at least {least}x{least}, and one input here is {list(shape)}."
            " For features use the net 'linear' or 'mlp'."
        )
    return shape[0], shape[1], shape[2]
