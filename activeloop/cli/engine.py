"""Options of commands that work through shards: how long they are, and who does it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from activeloop.shards.engines import Engine

ENGINES = ("serial", "ray")


def engine_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument_group("shards").add_argument
    add("--shard-rows", type=int, metavar="R", help="rows of a shard")
    add("--engine", choices=ENGINES, help="who works through them: this process, or Ray (serial)")
    add("--address", metavar="HOST:PORT", help="of a Ray cluster to join, or auto; without it one is started here")


def engine_of(name: str | None, address: str | None) -> Engine:
    """raises: ConfigError for an address that nobody looks at."""
    from activeloop.errors import ConfigError
    from activeloop.shards.engines import ray_data, serial

    if name == "ray":
        return ray_data(address)
    if address is not None:
        raise ConfigError(f"--address {address} is of a Ray cluster: add --engine ray, or leave it out.")
    return serial
