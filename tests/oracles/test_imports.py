from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ALONE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("activeloop", "torch"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Refuse())

import pkgutil
import oracles

for module in pkgutil.walk_packages(oracles.__path__, "oracles."):
    __import__(module.name)

oracle = oracles.Noisy(oracles.Simulated([0, 1]), oracles.pair(1, 2), seed=0)
oracle.post("q0", [0, 1])
assert oracle.collect("q0") == {0: 1, 1: 0}
assert not {"activeloop", "torch"} & set(sys.modules)
"""


def test_oracles_are_imported_and_used_with_activeloop_and_torch_blocked() -> None:
    root = Path(__file__).parents[2]

    done = subprocess.run([sys.executable, "-c", ALONE], cwd=root, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
