"""What an annotator sees in Label Studio: the labelling configuration, and the data and the guess of a task."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias
from xml.etree import ElementTree

from oracles.items import Image, Item, Table, Text, encodable, plain
from oracles.keys import keys_for

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

LABEL, ITEM = "label", "item"  # names of the control and of what it is about, in the configuration and in every result
MANY = 10  # classes beyond which they are searched too
LONGEST = 200  # characters of a class name
FIELD = re.compile(r"\$(?=\S)")  # Label Studio puts the task's data in the place of $ and what follows it


def kind_of(item: Item) -> str:
    """The field of a task that holds such an item."""
    return "image" if isinstance(item, Image) else "text" if isinstance(item, Text) else "table"


def choices(classes: Sequence[str]) -> tuple[str, ...]:
    """What the classes are called in Label Studio, each by another name; by these names answers are read again.

    Names are cut, controls and blanks at their ends are lost, and a dollar before a word becomes a wide one. What is empty
    or alike after that gets the number of the class.
    """
    found: list[str] = []
    for at, name in enumerate(classes):
        shown = FIELD.sub("＄", " ".join(plain(encodable(name), LONGEST).split())) or f"class {at}"
        while shown in found:
            shown += f" ({at})"
        found.append(shown)
    return tuple(found)


def configuration(classes: Sequence[str], kind: str) -> str:
    """The item at the left, classes with their keys at the right; XML, with all names escaped.

    kind: "image", "text" or "table".
    """
    view = ElementTree.Element("View", style="display: flex; gap: 1.5em; align-items: flex-start")
    left = ElementTree.SubElement(view, "View", style="flex: 1 1 60%; min-width: 0")
    ElementTree.SubElement(left, "Header", value="$name", size="5")
    about = {"name": ITEM, "value": f"${kind}"}
    if kind == "image":
        about |= {"zoom": "true", "zoomControl": "true", "smoothing": "false"}
    ElementTree.SubElement(left, kind.capitalize(), about)
    right = ElementTree.SubElement(view, "View", style="flex: 1 1 40%; min-width: 0; max-height: 80vh; overflow: auto")
    if len(classes) > MANY:
        ElementTree.SubElement(right, "Filter", name="search", toName=LABEL, minlength="0", placeholder="search")
    control = ElementTree.SubElement(right, "Choices", name=LABEL, toName=ITEM, choice="single-radio", required="true",
                                     requiredMessage="Choose a class, or skip.")  # fmt: skip
    for name, key in zip(choices(classes), keys_for(classes), strict=True):
        ElementTree.SubElement(control, "Choice", {"value": name} | ({"hotkey": key} if key else {}))
    return ElementTree.tostring(view, encoding="unicode")


def shown(item: Text | Table) -> JSON:
    """What the field of a text or a table holds."""
    if isinstance(item, Text):
        return encodable(item.text)
    return {encodable(name): encodable(value) for name, value in item.cells}


def result(choice: str) -> list[JSON]:
    """The class of a prediction, as Label Studio writes it."""
    return [{"from_name": LABEL, "to_name": ITEM, "type": "choices", "value": {"choices": [choice]}}]
