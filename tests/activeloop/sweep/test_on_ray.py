"""The same journals from a Ray cluster as from one process, whatever dies on the way. The cluster is a real one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from activeloop import cluster
from activeloop.cli.many import one_run
from activeloop.config import Config
from activeloop.errors import ConfigError, StoreError
from activeloop.sweep.grid import run_name
from activeloop.sweep.on_ray import on_ray

PATIENCE_S = 300
STRATEGY = '''
"""A strategy that kills the process it runs in, once, at its third call."""
import os, signal
from pathlib import Path

HERE = Path(__file__).parent

def deadly(probs):
    with (HERE / "calls").open("a") as calls:
        calls.write(".")
    if (HERE / "calls").stat().st_size == 3 and not (HERE / "died").exists():
        (HERE / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return probs.double().amax(dim=1)
'''
DRIVER = """
import sys, time
from pathlib import Path
from activeloop.sweep.on_ray import on_ray

FOLDER = sys.argv[1]

def work(item):
    Path(FOLDER, str(item)).touch()
    time.sleep(600 if item else 0)
    return item

for found in on_ray(work, range(5), jobs=2):
    print(found, flush=True)
"""


def journals(out: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in sorted(out.glob("runs/*/journal.jsonl"))}


def named(configs: list[Config]) -> list[tuple[str, Config]]:
    return [(run_name(config), config) for config in configs]


def serial(configs: list[Config], out: Path) -> dict[str, bytes]:
    for config in configs:
        one_run((run_name(config), config), out, list(sys.path))
    return journals(out)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a user's module, on the path of the driver alone."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "deadly_strategy.py").write_text(STRATEGY)
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    sys.modules.pop("deadly_strategy", None)


def test_without_ray_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(ConfigError, match=r"pip install 'activeloop\[ray\]'"):
        list(on_ray(abs, [1]))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:1", "nothing answers at 127.0.0.1:1"),
        ("ray://here:10001", "the address is 'ray://here:10001'; allowed are auto and HOST:PORT"),
        ("here", "the address is 'here'"),
    ],
)
def test_an_address_where_nobody_listens_is_refused_at_once(address: str, message: str) -> None:
    pytest.importorskip("ray", reason="needs Ray: pip install 'activeloop[ray]'")
    if sys.modules["ray"].is_initialized():
        pytest.skip("another test of this process holds a cluster, which is then used whatever the address")
    with pytest.raises(ConfigError, match=message):
        list(on_ray(abs, [1], address=address))


def test_a_worker_that_does_not_see_the_drivers_file_refuses_to_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloudpickle = pytest.importorskip("ray.cloudpickle", reason="needs Ray: pip install 'activeloop[ray]'")
    monkeypatch.setattr(cluster, "VISIBLE_S", 0.0)
    work, item = cloudpickle.dumps(abs), cloudpickle.dumps(-2)
    with cluster.marked(tmp_path / "out") as mark:
        assert cluster.result(cluster.outcome(work, item, mark)) == 2
    with pytest.raises(ConfigError, match=f"does not see {tmp_path}/out as the driver does: all nodes must mount"):
        cluster.result(cluster.outcome(work, item, mark))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
class TestOnACluster:
    def test_journals_are_those_of_one_process(self, tmp_path: Path, quick: Callable[..., Config]) -> None:
        configs = [
            quick(f"acquire.strategy={name}", f"seed={seed}")
            for seed in (0, 1)
            for name in ("margin", "random", "k-center")
        ]
        here = serial(configs, tmp_path / "here")
        there = tmp_path / "there"
        found = list(on_ray(partial(one_run, out=there, path=list(sys.path)), named(configs), shared=there))

        assert [outcome.error for outcome in found] == [None] * 6
        assert sorted(outcome.name for outcome in found) == sorted(here)
        assert journals(there) == here
        assert not list(there.glob(".*"))

    def test_a_worker_killed_in_the_middle_of_its_run_ends_with_the_same_journal(
        self, tmp_path: Path, quick: Callable[..., Config], mine: Path
    ) -> None:
        configs = [quick("acquire.strategy=deadly_strategy:deadly", "query=2"), quick("acquire.strategy=margin")]
        (mine / "died").touch()
        here = serial(configs, tmp_path / "here")
        (mine / "died").unlink()
        (mine / "calls").unlink()
        there = tmp_path / "there"
        found = list(on_ray(partial(one_run, out=there, path=list(sys.path)), named(configs), shared=there))

        assert (mine / "died").exists()
        assert [outcome.error for outcome in found] == [None, None]
        assert journals(there) == here
        assert len(here) == 2

    def test_results_come_in_the_order_of_finishing_and_as_many_at_a_time_as_asked(self, tmp_path: Path) -> None:
        def work(item: int) -> tuple[int, float, float]:
            began = time.time()
            until = began + PATIENCE_S
            while item == 0 and not (tmp_path / "seen").exists() and time.time() < until:
                time.sleep(0.1)
            return item, began, time.time()

        results = on_ray(work, [0, 1], jobs=2)
        assert next(results)[0] == 1
        (tmp_path / "seen").touch()
        assert [found[0] for found in results] == [0]
        one_by_one = list(on_ray(work, [2, 1, 0], jobs=1))
        assert [found[0] for found in one_by_one] == [2, 1, 0]
        assert all(later[1] >= sooner[2] for sooner, later in pairwise(one_by_one))

    def test_workers_have_one_thread(self) -> None:
        def threads(_: int) -> int:
            import torch

            return torch.get_num_threads()

        assert list(on_ray(threads, [0])) == [1]

    def test_exceptions_come_back_as_such_with_the_place_where_they_arose(self) -> None:
        def refuse(item: int) -> int:
            raise StoreError(f"item {item} is bad")

        with pytest.raises(StoreError, match="item 7 is bad") as caught:
            list(on_ray(refuse, [7]))
        assert "in refuse" in caught.value.__notes__[0]

        def unpicklable(item: int) -> object:
            return threading.Lock()

        with pytest.raises(TypeError, match="what a worker gave cannot be pickled .*: lock"):
            list(on_ray(unpicklable, [7]))

    def test_work_that_kills_every_worker_is_given_up_and_the_rest_is_done_first(self) -> None:
        def work(item: int) -> int:
            if item == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            return item

        results = on_ray(work, [0, 1, 2], retries=1)
        assert sorted((next(results), next(results))) == [0, 2]
        with pytest.raises(StoreError, match="1 of 3 were lost with their worker process"):
            next(results)

    def test_the_cluster_of_the_caller_is_left_running(self) -> None:
        import ray

        list(on_ray(abs, [1]))

        assert ray.is_initialized()


def processes_of(session: int) -> list[str]:
    """Command lines of what still runs in this session of processes."""
    found = []
    for at in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, its = (at / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(its) == session and state != "Z":
                found.append((at / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except (OSError, ValueError):
            continue
    return found


@pytest.mark.slow
def test_ctrl_c_ends_a_cluster_of_its_own_and_all_its_processes(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs Ray: pip install 'activeloop[ray]'")
    (tmp_path / "driver.py").write_text(DRIVER)
    driver = subprocess.Popen(
        [sys.executable, tmp_path / "driver.py", tmp_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    until = time.monotonic() + PATIENCE_S
    while not all((tmp_path / str(item)).exists() for item in (0, 1, 2)):
        assert driver.poll() is None
        assert time.monotonic() < until
        time.sleep(0.1)
    os.killpg(driver.pid, signal.SIGINT)
    out, err = driver.communicate(timeout=60)

    assert out == "0\n"
    assert "KeyboardInterrupt" in err
    assert driver.returncode != 0
    until = time.monotonic() + 30
    while (left := processes_of(driver.pid)) and time.monotonic() < until:
        time.sleep(0.2)
    assert left == []
