"""Sections -> one file of HTML that fetches nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from activeloop.report.page.curves import classes
from activeloop.report.page.parts import Name, Section
from activeloop.report.page.svg import marker
from activeloop.report.styles import styles

HERE = "activeloop.report.page"
TITLE = "Which strategy, how many labels, how sure"


def html(sections: Sequence[Section], subtitle: str, footer: str, names: Sequence[str], baseline: str) -> str:
    """names: of all strategies, which say how each is drawn."""
    drawn = styles(names, baseline)
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.tests["named"] = lambda text: isinstance(text, Name) and text in drawn
    made.globals["classes"] = lambda name: classes(drawn[name])
    made.globals["mark"] = lambda name: marker(drawn[name].marker, 0, 0)
    folder = files(HERE)
    return made.from_string((folder / "page.html").read_text()).render(
        title=TITLE,
        subtitle=subtitle,
        sections=sections,
        footer=footer,
        style=Markup((folder / "page.css").read_text()),
    )
