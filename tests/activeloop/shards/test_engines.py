"""A Ray cluster gives the bytes that one process gives, whatever dies on the way. The cluster is a real one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from activeloop import predictions
from activeloop.errors import BadScores, ConfigError
from activeloop.shards.embed import embed
from activeloop.shards.engines import ray_data
from activeloop.shards.pick import picks
from activeloop.shards.tables import Table, open_table

from .test_pick import probs, states
from .test_tables import N, folder_of_images, numbers, parquet

NET = '''
"""A user's encoder, which kills the process it runs in where it meets a row whose first value is 1000, once."""
import os, signal
from pathlib import Path
from torch import nn

class Deadly(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(width, 3)

    def forward(self, inputs):
        died = Path(__file__).with_name("died")
        if (inputs[:, 0] > 1.5).any() and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.layer(inputs)

def net(shape):
    return Deadly(shape[0])
'''


CONV = """
from torch import nn

def net(shape):
    return nn.Sequential(nn.Conv2d(shape[0], 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 16, 5))
"""


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_without_ray_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(ConfigError, match=r"pip install 'activeloop\[ray\]'"):
        list(ray_data()(abs, [1]))


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
class TestOnACluster:
    def test_images_and_parquet_are_embedded_to_the_same_bytes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder_of_images(tmp_path / "images", colours=1)
        encoded = [(tmp_path / f"images/{at:03d}.png").read_bytes() for at in range(N)]
        parquet(tmp_path / "pool.parquet", {"image": encoded})
        (tmp_path / "conv_net.py").write_text(CONV)
        monkeypatch.syspath_prepend(str(tmp_path))
        options = {"batch": 8, "threads": 1}
        for place in ("images", "pool.parquet"):
            table, here, there = (
                open_table(tmp_path / place),
                tmp_path / f"here-{place[0]}",
                tmp_path / f"there-{place[0]}",
            )
            embed(table, "conv_net:net", here, options, rows=8)
            embed(table, "conv_net:net", there, options, rows=8, engine=ray_data())
            assert len(files(here)) == 8
            assert files(there) == files(here)

    def test_a_worker_killed_in_the_middle_changes_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "deadly_net.py").write_text(NET)
        monkeypatch.syspath_prepend(str(tmp_path))
        values = np.clip(numbers(64, 5), -1, 1)
        values[33, 0] = 1000
        np.save(tmp_path / "X.npy", values)
        table, options = open_table(tmp_path / "X.npy"), {"batch": 8, "threads": 1}
        (tmp_path / "died").touch()
        embed(table, "deadly_net:net", tmp_path / "here", options, rows=8)
        (tmp_path / "died").unlink()
        embed(table, "deadly_net:net", tmp_path / "there", options, rows=8, engine=ray_data())

        assert (tmp_path / "died").exists()
        assert len(files(tmp_path / "here")) == 9
        assert files(tmp_path / "there") == files(tmp_path / "here")

    def test_picks_and_scores_are_those_of_one_machine(self, tmp_path: Path) -> None:
        arrays = {"probs": probs(300, 4, tied=True)}
        parquet(tmp_path / "P.parquet", {"probs": arrays["probs"].tolist()}, group=70)
        tables: Mapping[str, Table] = {"probs": open_table(tmp_path / "P.parquet", "probs")}
        expected = predictions.picks("margin", arrays, 40, labels=states(300), seed=3).tolist()
        found = picks(
            "margin", tables, 40, labels=states(300), seed=3, rows=64, engine=ray_data(), scores=tmp_path / "S"
        )

        assert found.tolist() == expected
        table = open_table(tmp_path / "S")
        np.testing.assert_array_equal(table.read(slice(0, 300)), predictions.score("margin", arrays))

    def test_k_center_over_shards_is_that_of_one_machine(self, tmp_path: Path) -> None:
        features = numbers(300, 3)
        np.save(tmp_path / "F.npy", features)
        tables: Mapping[str, Table] = {"features": open_table(tmp_path / "F.npy")}
        options = {"shards": 5}
        expected = predictions.picks(
            "k-center-sharded", {"features": features}, 30, labels=states(300), options=options
        ).tolist()
        found = picks("k-center-sharded", tables, 30, labels=states(300), options=options, engine=ray_data())

        assert found.tolist() == expected

    def test_exceptions_come_back_as_such_and_threads_that_no_node_has_are_refused(self, tmp_path: Path) -> None:
        bad = probs(300, 4)
        bad[211] = np.nan
        np.save(tmp_path / "P.npy", bad)
        with pytest.raises(BadScores, match="the first is row 211"):
            picks("margin", {"probs": open_table(tmp_path / "P.npy")}, 5, rows=64, engine=ray_data())
        with pytest.raises(ConfigError, match="the work takes 64 threads, and the largest node has 2 CPUs"):
            list(ray_data()(abs, [1], threads=64))
