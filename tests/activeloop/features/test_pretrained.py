"""Nets that were trained elsewhere see images as they saw them in training."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import MobileNet_V3_Small_Weights, mobilenet_v3_small

from activeloop.errors import ConfigError, UnknownName
from activeloop.features import pretrained, with_features
from activeloop.learners.loop import seeded
from activeloop.types import Loaded

MakePool = Callable[..., Loaded]
NET = "mobilenet_v3_small"
SOURCE = f"torchvision:{NET}"
NEEDS_TIMM = pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="timm is not installed")


@cache
def random_net() -> nn.Module:
    """Random weights, with batch statistics of noise: without these its features would be 1e-9 and all nearly alike."""
    with seeded(0), torch.no_grad():
        net = mobilenet_v3_small(weights=None)
        for layer in net.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = 1.0
        net.train()(torch.randn(8, 3, 224, 224))
    return net.eval()


@pytest.fixture
def weights(tmp_path: Path) -> str:
    """A file of random weights for NET."""
    torch.save(random_net().state_dict(), tmp_path / "net.pth")
    return str(tmp_path / "net.pth")


def features(loaded: Loaded, weights: str, source: str = SOURCE, **options: object) -> Tensor:
    given = {"weights_path": weights, "threads": 1, "batch": 4, **options}
    found = with_features(loaded, source, given, show_progress=False).data.features
    assert found is not None
    return found


def by_hand(images: Tensor) -> Tensor:
    """What torchvision's own transforms and the net without its last layer give."""
    net = deepcopy(random_net())
    net.classifier[3] = nn.Identity()  # type: ignore[index, operator]
    with torch.no_grad():
        given: Tensor = net(MobileNet_V3_Small_Weights.DEFAULT.transforms()(images.float() / 255))
    return given


def equal(found: Tensor, expected: Tensor) -> None:
    """To a thousandth of what tells rows apart."""
    difference = (found - expected).std()
    assert difference < 1e-3 * expected.std(dim=0).mean(), f"{difference} of {expected.std(dim=0).mean()}"


def test_features_are_what_the_last_layer_sees_of_images_scaled_as_the_weights_want(
    pool: MakePool, colours: Tensor, weights: str
) -> None:
    equal(features(pool(colours), weights), by_hand(colours))


def test_grey_images_are_repeated_and_a_fourth_channel_is_dropped(
    pool: MakePool, colours: Tensor, weights: str
) -> None:
    grey = colours[:, :1]
    alpha = torch.cat([colours, colours[:, :1]], dim=1)

    equal(features(pool(grey), weights), by_hand(grey.expand(-1, 3, -1, -1)))
    equal(features(pool(alpha), weights), by_hand(colours))


def test_fractions_are_seen_as_bytes_are(pool: MakePool, colours: Tensor, weights: str) -> None:
    equal(features(pool(colours.float() / 255), weights), features(pool(colours), weights))


def test_a_small_image_reaches_the_net_at_its_full_size(
    pool: MakePool, colours: Tensor, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, ...]] = []
    real = pretrained.drop_head

    def watched(net: nn.Module, source: str) -> str:
        net.register_forward_pre_hook(lambda _, given: seen.append(tuple(given[0].shape)))
        return real(net, source)

    monkeypatch.setattr(pretrained, "drop_head", watched)
    features(pool(colours), weights)

    assert seen == [(4, 3, 224, 224), (4, 3, 224, 224), (2, 3, 224, 224)]


def test_a_report_names_the_weights_and_the_size(pool: MakePool, colours: Tensor, weights: str) -> None:
    found = with_features(pool(colours), SOURCE, {"weights_path": weights, "threads": 1}, show_progress=False)

    assert found.data.features_from == "torchvision:mobilenet_v3_small, net.pth, 224 px"


def test_weights_count_by_content(pool: MakePool, colours: Tensor, weights: str, cache: Path, tmp_path: Path) -> None:
    features(pool(colours), weights)
    moved = Path(weights).rename(tmp_path / "moved.pth")
    features(pool(colours), str(moved))
    assert len(list((cache / "features").glob("*.npy"))) == 1

    other = deepcopy(random_net())
    nn.init.normal_(next(other.parameters()))
    torch.save(other.state_dict(), moved)
    features(pool(colours), str(moved))
    assert len(list((cache / "features").glob("*.npy"))) == 2


def test_safetensors_wrapped_files_and_nets_of_other_classes_are_read_too(
    pool: MakePool, colours: Tensor, weights: str, tmp_path: Path
) -> None:
    expected = features(pool(colours), weights)
    save_file(random_net().state_dict(), tmp_path / "net.safetensors")
    torch.save({"state_dict": random_net().state_dict(), "epoch": 3}, tmp_path / "wrapped.pth")
    ten = random_net().state_dict()
    ten["classifier.3.weight"], ten["classifier.3.bias"] = torch.zeros(10, 1024), torch.zeros(10)
    torch.save(ten, tmp_path / "ten.pth")

    for file in ("net.safetensors", "wrapped.pth", "ten.pth"):
        assert torch.equal(features(pool(colours), str(tmp_path / file)), expected)


def test_what_is_cached_needs_neither_network_nor_weights(
    pool: MakePool, colours: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def fetch(self: object, **_: object) -> object:
        calls.append(self)
        return random_net().state_dict()

    monkeypatch.setattr(MobileNet_V3_Small_Weights, "get_state_dict", fetch)
    found = [with_features(pool(colours), SOURCE, {"threads": 1}, show_progress=False).data for _ in range(2)]

    assert len(calls) == 1
    assert found[0].features_from == found[1].features_from == f"{SOURCE}, IMAGENET1K_V1, 224 px"


def test_without_a_network_the_message_names_the_option(
    pool: MakePool, colours: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object, **_: object) -> None:
        raise OSError("<urlopen error [Errno -2] Name or service not known>")

    monkeypatch.setattr(MobileNet_V3_Small_Weights, "get_state_dict", fail)

    with pytest.raises(ConfigError, match=r"could not be had \(OSError: <urlopen .*set the option weights_path"):
        with_features(pool(colours), SOURCE)


def test_weights_of_another_net_are_refused(pool: MakePool, colours: Tensor, tmp_path: Path) -> None:
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    (tmp_path / "text.pth").write_text("hello")
    (tmp_path / "text.safetensors").write_text("hello")
    torch.save({**random_net().state_dict(), "features.0.0.weight": torch.zeros(1)}, tmp_path / "shape.pth")

    for file, message in {
        "other.pth": "weights of another net than 'torchvision:mobilenet_v3_small': .* the first is 'features.0.0.weight'",
        "shape.pth": "1 have another shape; the first is 'features.0.0.weight'",
        "list.pth": "holds no weights by name but a list",
        "text.pth": "cannot be read as weights",
        "text.safetensors": "cannot be read as weights",
        "missing.pth": "there is no such file",
    }.items():
        with pytest.raises(ConfigError, match=message):
            features(pool(colours), str(tmp_path / file))


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("torchvision:resnet_18", {}, "torchvision has no model 'resnet_18'; did you mean 'resnet18'"),
        ("torchvision:resnet50", {"weights": "IMAGENET1K_V3"}, "did you mean 'IMAGENET1K_V2'"),
        ("torchvision:resnet50", {"batch": 0}, "'batch' of 'torchvision:resnet50' is 0"),
        ("torchvision:fcn_resnet50", {}, "is no classifier of images"),
        ("hub:resnet18", {}, "should read hub:OWNER/REPO:MODEL"),
        ("hub:a/b:net", {"path": "/nowhere"}, "which has no hubconf.py"),
    ],
)
def test_bad_requests_are_refused_before_anything_is_loaded(
    pool: MakePool, colours: Tensor, source: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        with_features(pool(colours), source, options)


def test_inputs_that_are_features_already_are_refused(pool: MakePool) -> None:
    with pytest.raises(ConfigError, match=r"take images .* and one input here is \[5\]"):
        with_features(pool(torch.rand(4, 5)), SOURCE)


def test_a_net_without_a_linear_layer_has_no_features() -> None:
    with pytest.raises(ConfigError, match="has no linear layer"):
        pretrained.drop_head(torchvision.models.squeezenet1_1(weights=None), "torchvision:squeezenet1_1")


@pytest.mark.parametrize("name", ["resnet18", "vgg11", "densenet121", "vit_b_16", "swin_t", "convnext_tiny"])
def test_the_last_linear_layer_is_the_classifier(name: str) -> None:
    with torch.device("meta"):
        head = pretrained.drop_head(torchvision.models.get_model(name, weights=None), name)

    assert head.split(".")[0] in ("fc", "classifier", "head", "heads")


HUBCONF = """
import torch
def flat(pretrained=True):
    net = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten())
    return net
def maps(pretrained=True):
    return torch.nn.AdaptiveAvgPool2d(2)
"""


def test_a_hub_model_from_a_local_copy(pool: MakePool, colours: Tensor, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/hubconf.py").write_text(HUBCONF)
    options = {"path": str(tmp_path / "copy"), "size": 32, "threads": 1}
    found = with_features(pool(colours), "hub:owner/repo:flat", options, show_progress=False).data

    assert found.features is not None
    assert found.features.shape == (10, 12)
    assert found.features_from == "hub:owner/repo:flat, its own weights, 32 px"
    with pytest.raises(ConfigError, match=r"gives \[10, 3, 2, 2\] for 10 inputs .* features are \[10, D\]"):
        with_features(pool(colours), "hub:owner/repo:maps", options, show_progress=False)


@pytest.mark.skipif(importlib.util.find_spec("timm") is not None, reason="timm is installed")
def test_without_timm_the_message_names_the_extra(pool: MakePool, colours: Tensor) -> None:
    with pytest.raises(ConfigError, match=r"need timm .*: pip install 'activeloop\[timm\]'"):
        with_features(pool(colours), "timm:resnet18")


@NEEDS_TIMM
def test_a_timm_model_sees_what_its_configuration_wants(pool: MakePool, colours: Tensor, tmp_path: Path) -> None:
    import timm

    with seeded(3):
        net = timm.create_model("test_resnet", pretrained=False, num_classes=0).eval()
    torch.save(net.state_dict(), tmp_path / "net.pth")
    seen = timm.data.resolve_model_data_config(net)
    size, options = seen["input_size"][1], {"weights_path": str(tmp_path / "net.pth"), "threads": 1}
    found = with_features(pool(colours), "timm:test_resnet", options, show_progress=False).data

    transform = timm.data.create_transform(**seen, is_training=False)
    with torch.no_grad():
        by_pillow = torch.stack([transform(torchvision.transforms.functional.to_pil_image(each)) for each in colours])
        expected = net(by_pillow)
    assert found.features is not None
    assert found.features_from == f"timm:test_resnet, net.pth, {size} px"
    torch.testing.assert_close(found.features, expected, rtol=0.05, atol=0.05)  # Pillow rounds pixels to bytes
    with pytest.raises(UnknownName, match="did you mean"):
        with_features(pool(colours), "timm:test_resnett", options)
