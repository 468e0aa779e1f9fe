"""Values as TensorBoard stores them: each function gives one encoded Summary.Value."""

from __future__ import annotations

import io
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

HPARAMS_ROW, HPARAMS_COLUMNS = "_hparams_/session_start_info", "_hparams_/experiment"
LAYOUT = "custom_scalars__config__"
SHORTEST_SIDE = 64  # pixels: an 8 x 8 digit must be seen
COLUMNS = 10  # images side by side: 10 x 64 pixels fit a card


def scalar(tag: str, value: float) -> bytes:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return _encoded(Summary.Value(tag=tag, simple_value=value))


def image_grid(tag: str, images: Tensor) -> bytes:
    """All images as one, in reading order; small ones enlarged without smoothing.

    images: [n, 1 or 3, H, W], uint8, or floats in [0, 1].
    """
    from PIL import Image
    from tensorboard.compat.proto.summary_pb2 import Summary

    grid = _grid(images)
    png = io.BytesIO()
    Image.fromarray(grid).save(png, format="PNG")
    height, width, _ = grid.shape
    image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=png.getvalue())
    return _encoded(Summary.Value(tag=tag, image=image))


def _grid(images: Tensor) -> NDArray[np.uint8]:
    """[H', W', 3], uint8."""
    import torch
    from torchvision.utils import make_grid

    images = images.detach().cpu()
    if images.is_floating_point():
        images = (images.clamp(0, 1) * 255).round().to(torch.uint8)
    factor = max(1, math.ceil(SHORTEST_SIDE / min(images.shape[-2:])))
    images = images.repeat_interleave(factor, dim=2).repeat_interleave(factor, dim=3)
    grid: Tensor = make_grid(images, nrow=COLUMNS, padding=2, pad_value=128)
    return np.asarray(grid.permute(1, 2, 0))


def hparams_columns(settings: Iterable[str], metrics: Mapping[str, str], first: Collection[str] = ()) -> bytes:
    """The columns of the HParams tab, which shows five settings and five metrics unasked.

    settings: their names.    metrics: tag -> name of the column.    first: settings that come before the others; within
    both groups TensorBoard sorts by the alphabet.
    """
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams.api_pb2 import Experiment, HParamInfo, MetricInfo, MetricName
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    experiment = Experiment(
        hparam_infos=[HParamInfo(name=name, differs=name in first) for name in settings],
        metric_infos=[MetricInfo(name=MetricName(tag=tag), display_name=name) for tag, name in metrics.items()],
    )
    about = metadata.create_summary_metadata(HParamsPluginData(experiment=experiment))
    return _encoded(Summary.Value(tag=HPARAMS_COLUMNS, metadata=about, tensor=metadata.NULL_TENSOR))


def hparams_of(run: str, settings: Mapping[str, str | float | bool], started_s: float) -> bytes:
    """The row of one run in the HParams tab; the metrics beside it are the last values of its own scalars."""
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    return _encoded(hparams_pb(dict(settings), trial_id=run, start_time_secs=started_s).value[0])


def margins(title: str, charts: Mapping[str, Sequence[str]]) -> bytes:
    """A layout of the Custom Scalars tab. charts: name -> tags of value, low and high, a line and its band per run."""
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING
    from tensorboard.plugins.custom_scalar.layout_pb2 import Category, Chart, Layout, MarginChartContent

    content = [
        Chart(title=name, margin=MarginChartContent(series=[MarginChartContent.Series(value=v, lower=low, upper=high)]))
        for name, (v, low, high) in charts.items()
    ]
    layout = Layout(category=[Category(title=title, chart=content[::-1])])  # the tab shows the last chart first
    tensor = TensorProto(dtype=DT_STRING, string_val=[layout.SerializeToString()], tensor_shape=TensorShapeProto())
    plugin = SummaryMetadata.PluginData(plugin_name="custom_scalars")
    metadata = SummaryMetadata(plugin_data=plugin)
    return _encoded(Summary.Value(tag=LAYOUT, tensor=tensor, metadata=metadata))


def _encoded(value: Any) -> bytes:
    content: bytes = value.SerializeToString(deterministic=True)
    return content
