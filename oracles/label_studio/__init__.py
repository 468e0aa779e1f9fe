"""Label Studio as the place where people answer, over its HTTP interface."""

from oracles.label_studio.client import Client, StudioError, Unreachable
from oracles.label_studio.oracle import LabelStudio
from oracles.label_studio.project import Project, opened

__all__ = ["Client", "LabelStudio", "Project", "StudioError", "Unreachable", "opened"]
