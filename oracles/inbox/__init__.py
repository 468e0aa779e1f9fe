"""Where people's answers come in, kept in one SQLite file."""

from oracles.inbox.checks import SKIP, Refused
from oracles.inbox.inbox import Inbox, Revision
from oracles.inbox.leases import Asked
from oracles.inbox.ledger import InboxError

__all__ = ["SKIP", "Asked", "Inbox", "InboxError", "Refused", "Revision"]
