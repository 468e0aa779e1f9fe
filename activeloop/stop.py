"""When a run ends by itself."""

from __future__ import annotations

from activeloop.config import Config
from activeloop.fold import State


def reason_to_stop(state: State, config: Config) -> str | None:
    """ "budget", "pool" or "target"; None to go on. `state` is measured on all labels told so far."""
    if state.told >= config.budget:
        return "budget"
    if not len(state.pickable):
        return "pool"
    reached = state.measures[-1].metrics.get(config.stop.metric) if state.measures else None
    if config.stop.target is not None and reached is not None and reached >= config.stop.target:
        return "target"
    return None
