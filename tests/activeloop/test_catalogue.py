from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from activeloop import catalogue
from activeloop.errors import UnknownName

RAREST = '''
def rarest(probs):
    """The last class.

    returns: [n].    source: nobody,
             arXiv:0000.00000, eq. 1. There it is the first class.
    raises:  never.
    """
    return probs[:, -1]
'''


@pytest.mark.parametrize("kind", list(catalogue.KINDS))
def test_every_entry_is_found_and_has_a_line(kind: str) -> None:
    for name, line, _ in catalogue.describe(kind):
        assert callable(catalogue.find(kind, name))
        assert line, f"{name} needs a docstring"
    lines = [entry.line for entry in catalogue.describe(kind)]
    assert len(set(lines)) == len(lines), "each line tells its entry from the others"


def test_an_unknown_name_comes_with_the_nearest_and_where_to_look() -> None:
    with pytest.raises(UnknownName, match=r"'marign'; did you mean 'margin'.*activeloop list acquisitions"):
        catalogue.find_strategy("marign")


def test_a_users_module_and_function_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_scores.py").write_text("def half(probs):\n    return probs[:, 0] / 2\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert catalogue.find_strategy("my_scores:half").__name__ == "half"


def test_a_module_that_is_not_there_says_what_a_colon_means() -> None:
    with pytest.raises(UnknownName, match="no_such_package.*entry point, or module:function"):
        catalogue.find_strategy("no_such_package:thing")


def test_a_plugin_is_loaded_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    points = {
        "theirs:good": EntryPoint("good", "activeloop.acquisitions.uncertainty:margin", "activeloop.acquisitions"),
        "theirs:broken": EntryPoint("broken", "not_installed:thing", "activeloop.acquisitions"),
    }
    monkeypatch.setattr(catalogue, "plugins", lambda kind: points if kind == "acquisitions" else {})

    assert catalogue.find_strategy("theirs:good").__name__ == "margin"
    described = catalogue.describe("acquisitions")
    assert catalogue.Entry("theirs:broken", "not_installed:thing") in described
    assert any(entry.name == "theirs:good" and entry.line.startswith("How close the two") for entry in described)
    with pytest.raises(UnknownName, match="not_installed"):
        catalogue.find_strategy("theirs:broken")


def test_an_installed_packages_entry_point_is_found_by_its_package_and_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "shop_scores-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-scores\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[activeloop.acquisitions]\nrarest = shop_scores:rarest\n")
    (tmp_path / "shop_scores.py").write_text(f"import no_such_module\n\n\n{RAREST}")
    monkeypatch.syspath_prepend(tmp_path)

    said = catalogue.Entry("shop-scores:rarest", "The last class.", "nobody, arXiv:0000.00000, eq. 1")
    assert said in catalogue.describe("acquisitions"), "read from the file, as an import would fail"
    (tmp_path / "shop_scores.py").write_text(RAREST)
    assert catalogue.find_strategy("shop-scores:rarest").__name__ == "rarest"


def test_describing_imports_nothing_heavy() -> None:
    import subprocess

    script = "import sys; from activeloop.catalogue import KINDS, describe\nfor kind in KINDS: describe(kind)\n"
    script += "print([name for name in ('torch', 'numpy', 'sklearn', 'baal', 'modAL') if name in sys.modules])"

    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout

    assert out.strip() == "[]"
