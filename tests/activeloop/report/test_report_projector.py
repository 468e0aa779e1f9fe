from __future__ import annotations

import csv
import io
import json
import urllib.request
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
import torch
from google.protobuf import text_format
from PIL import Image
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
from torch import Tensor

from activeloop.errors import ConfigError
from activeloop.report import projector
from activeloop.report.selection import Selection

from .conftest import tensorboard


def selection(n: int = 30, width: int = 4) -> Selection:
    """Rows 3 and 7 picked, in that order reversed; row 0 labelled before."""
    return Selection(
        strategy="k-center",
        features_from=f'"noise", {width} dimensions',
        rows=np.array([7, 3]),
        features=torch.from_numpy(np.random.default_rng(0).normal(size=(n, width))).float(),
        held=np.arange(n) == 0,
        classes=("a\tcat", "a dog"),
        reference=np.arange(n) % 3,
        truth=np.arange(n) % 2,
        images=greys,
    )


def greys(rows: Sequence[int]) -> Tensor:
    """Row k is a flat grey of k, from 256 on anew."""
    return torch.stack([torch.full((1, 8, 8), row % 256, dtype=torch.uint8) for row in rows])


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode()), delimiter="\t"))


def test_metadata_say_what_was_picked_when_and_of_which_class() -> None:
    lines = table(projector.files([selection()])["metadata.tsv"])

    assert len(lines) == 30
    assert lines[7] == {"row": "7", "picked": "picked", "order": "1", "cluster": "cluster 1", "true class": "a dog"}
    assert lines[0] | {"cluster": ""} == {
        "row": "0", "picked": "labelled before", "order": "-", "cluster": "", "true class": "a cat",
    }  # fmt: skip
    assert [line["row"] for line in lines if line["picked"] == "picked"] == ["3", "7"]


def test_points_lie_as_far_apart_as_the_features() -> None:
    found = selection()
    assert found.features is not None

    lines = projector.files([found])["tensors.tsv"].decode().splitlines()
    points = torch.tensor([[float(cell) for cell in line.split("\t")] for line in lines])

    torch.testing.assert_close(
        torch.cdist(points, points), torch.cdist(found.features, found.features), atol=1e-3, rtol=0
    )


def test_wide_features_are_reduced_and_the_name_says_so() -> None:
    made = projector.files([selection(n=80, width=120)])

    assert all(len(line.split(b"\t")) == 50 for line in made["tensors.tsv"].splitlines())
    config = text_format.Parse(made["projector_config.pbtxt"].decode(), ProjectorConfig())
    assert config.embeddings[0].tensor_name == '"noise", 120 dimensions (50 main components)'


def test_the_configuration_names_files_that_are_there(tmp_path: Path) -> None:
    paths = projector.write([selection()], tmp_path)

    config = text_format.Parse((tmp_path / "projector_config.pbtxt").read_text(), ProjectorConfig())
    (found,) = config.embeddings
    assert paths[-1].name == "projector_config.pbtxt"
    assert all(
        (tmp_path / name).is_file() for name in (found.tensor_path, found.metadata_path, found.sprite.image_path)
    )
    assert list(found.sprite.single_image_dim) == [8, 8]


def test_the_sprite_holds_the_images_in_the_order_of_the_rows() -> None:
    sprite = np.asarray(Image.open(io.BytesIO(projector.files([selection()])["sprite.png"])))

    assert sprite.shape == (6 * 8, 6 * 8, 3)
    assert [int(sprite[i // 6 * 8 + 4, i % 6 * 8 + 4, 0]) for i in range(30)] == list(range(30))


def test_of_more_rows_than_are_shown_all_picks_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projector, "MOST_ROWS", 10)

    lines = table(projector.files([selection(n=500)])["metadata.tsv"])

    assert len(lines) == 10
    assert {"3", "7"} <= {line["row"] for line in lines}


def test_several_selections_share_the_points_and_have_columns_of_their_own() -> None:
    other = replace(selection(), strategy="random", rows=np.array([9]))

    lines = table(projector.files([selection(), other])["metadata.tsv"])

    assert (lines[9]["k-center: picked"], lines[9]["random: picked"], lines[9]["random: order"]) == (
        "not picked", "picked", "1",
    )  # fmt: skip


def test_no_images_no_sprite_and_no_features_no_points(tmp_path: Path) -> None:
    projector.write([selection()], tmp_path)

    projector.write([replace(selection(), images=None)], tmp_path)

    assert not (tmp_path / "sprite.png").exists()
    assert "sprite" not in (tmp_path / "projector_config.pbtxt").read_text()
    with pytest.raises(ConfigError, match="the first has none"):
        projector.files([replace(selection(), features=None)])


@pytest.mark.slow
def test_tensorboard_serves_points_and_metadata_and_draws_them(tmp_path: Path, browser: Any) -> None:
    made = projector.files([selection()])
    projector.write([selection()], tmp_path / "tb")
    name = '"noise", 4 dimensions'

    with tensorboard(tmp_path / "tb", "data/plugin/projector/runs") as address:

        def served(what: str, **query: str) -> bytes:
            where = f"{address}/data/plugin/projector/{what}?{urlencode({'run': '.', 'name': name} | query)}"
            content: bytes = urllib.request.urlopen(where, timeout=30).read()
            return content

        (found,) = json.loads(served("info"))["embeddings"]
        assert (found["tensorName"], found["tensorShape"]) == (name, [30, 4])
        assert np.frombuffer(served("tensor"), dtype=np.float32).shape == (30 * 4,)
        assert served("metadata") == made["metadata.tsv"]
        assert served("sprite_image") == made["sprite.png"]
        page = browser.new_page(viewport={"width": 1500, "height": 1000})
        page.goto(f"{address}/#projector")
        inside = page.frame_locator("iframe").frame_locator("iframe")
        inside.get_by_text("true class").first.wait_for(
            state="attached", timeout=60_000
        )  # once it has counted the points
        page.screenshot(path=tmp_path / "projector.png")
    assert (tmp_path / "projector.png").stat().st_size > 20_000
