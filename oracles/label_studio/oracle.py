"""Label Studio as an oracle: a query becomes tasks, and annotations become answers in the inbox."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from oracles.inbox import Inbox, standing
from oracles.inbox.mirror import Elsewhere, mirror
from oracles.inbox.standing import JSON
from oracles.items import Show
from oracles.label_studio.annotations import NoClass, annotator, answer
from oracles.label_studio.client import NotFound, StudioError
from oracles.label_studio.labelling import choices
from oracles.label_studio.project import Project
from oracles.label_studio.tasks import Asked, Task, Tasks

MARGIN_S = 10.0  # by which the server's clock and its commits may be apart


class LabelStudio:
    """Asks in a project of Label Studio. Answers go through the inbox of the run, which knows the panel and keeps them.

    All methods may be repeated, after a crash at any point: tasks carry run, ticket and row, and what is there is listed
    before anything is posted. What was collected stands, whatever is changed in Label Studio later.

    show: what the tasks show of a row.    caption: what people call it.    warn: is told of annotations that are no answer.
    raises: StudioError, of which Unreachable may pass.
    """

    def __init__(
        self,
        inbox: Inbox,
        project: Project,
        classes: Sequence[str],
        show: Show,
        caption: Callable[[int], str] = str,
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.project, self._inbox, self._choices = project, inbox, choices(classes)
        self._show, self._caption, self._warn = show, caption, warn
        self._tasks = Tasks(project.client, project.id, project.run)
        self._tool = f"label-studio/{project.id}"  # where answers in the inbox come from
        self._seen: dict[str, dict[int, Task]] = {}  # ticket -> task id -> as it was last seen
        self._since: dict[str, float] = {}  # ticket -> when the server was last asked about it, by its own clock
        self._warned: set[tuple[int, str]] = set()

    def post(self, ticket: str, rows: Sequence[int], guesses: Mapping[int, int] | None = None) -> None:
        """Make a task of every row that wants answers and has none. guesses: row -> class id, shown as predictions."""
        self._inbox.post(ticket, rows, guesses)
        try:
            there = self._once_each(list(self._tasks.listed(ticket)))
            wanted = self._wanted(ticket)
            missing = [row for row in rows if row in wanted and row not in there]
            self._tasks.post(ticket, (self._asked(ticket, row) for row in missing))
        except NotFound:
            raise self._deleted() from None

    def fetch(self, ticket: str, *, anew: bool = False) -> int:
        """Take in what was annotated, skipped, changed or deleted; gives how many answers that changed.

        anew: all tasks are looked at, not only those that changed since the last time.
        """
        began = self.project.client.time
        since = None if anew else self._since.get(ticket)
        try:
            changed = {task.id: task for task in self._tasks.listed(ticket, since=since)}
        except NotFound:
            raise self._deleted() from None
        self._seen[ticket] = (self._seen[ticket] | changed) if since is not None else changed
        if began is not None:
            self._since[ticket] = began - MARGIN_S
        rows = {task.row for task in changed.values()}
        said = self._said(task for task in self._seen[ticket].values() if task.row in rows)
        return mirror(self._inbox, ticket, self._tool, rows, said)

    def collect(self, ticket: str) -> dict[int, int]:
        """Row -> class id or -2, as far as the panel has answered."""
        self.fetch(ticket)
        return self._inbox.collect(ticket)

    def notes(self, ticket: str) -> dict[int, dict[str, JSON]]:
        """Of every row collected: annotator, date, seconds, shown guess; each answer of a panel."""
        return self._inbox.notes(ticket)

    def close(self, ticket: str) -> None:
        """Ask nobody any more about what is left of a ticket."""
        self._inbox.close_ticket(ticket)
        self.tidy()

    def tidy(self) -> int:
        """Take back tasks that nobody need answer: of closed tickets, or told by other ways. Gives how many.

        Those without annotations are deleted; the others keep them, and are marked as finished.
        """
        try:
            left = list(self._tasks.listed(unfinished=True))
            wanted = {ticket: self._wanted(ticket) for ticket in {task.ticket for task in left}}
            done = [task for task in left if task.row not in wanted[task.ticket]]
            self._tasks.delete([task.id for task in done if not task.annotations])
            for task in done:
                if task.annotations:
                    self._tasks.finish(task)
        except NotFound:
            raise self._deleted() from None
        return len(done)

    def _asked(self, ticket: str, row: int) -> Asked:
        guess = standing.guess_of(self._inbox.ledger, ticket, row)
        shown = None if guess is None else self._choices[guess]
        return Asked(row, self._caption(row), self._show(row), shown)

    def _once_each(self, tasks: Sequence[Task]) -> set[int]:
        """The rows that have tasks, after surplus ones are deleted: of an import that went on after its sender was killed."""
        first: dict[int, Task] = {}
        surplus = []
        for task in sorted(tasks, key=lambda task: (not task.annotations, task.id)):
            if first.setdefault(task.row, task) is not task and not task.annotations:
                surplus.append(task.id)
        self._tasks.delete(surplus)
        return set(first)

    def _said(self, tasks: Iterable[Task]) -> list[Elsewhere]:
        found = []
        for task in tasks:
            guess = (
                standing.guess_of(self._inbox.ledger, task.ticket, task.row)
                if task.has_guess and self.project.guesses
                else None
            )
            for annotation in task.annotations:
                try:
                    found.append(answer(annotation, task.row, self._choices, guess))
                except NoClass as error:
                    self._complain(task, annotation, str(error))
        return found

    def _complain(self, task: Task, annotation: Mapping[str, object], what: str) -> None:
        version = (task.id, str(annotation.get("updated_at")))
        if version not in self._warned:
            self._warned.add(version)
            self._warn(
                f"task {task.id} ({self._caption(task.row)}): the annotation of {annotator(annotation)} {what}, and does not"
                f" count. Correct it at {self.project.client.url}/projects/{self.project.id}/data?task={task.id}"
            )

    def _wanted(self, ticket: str) -> set[int]:
        """Rows of a ticket that still want answers."""
        is_closed = self._inbox.ledger.select("SELECT 1 FROM closed WHERE ticket = :ticket", {"ticket": ticket})
        return set(self._inbox.waiting(ticket)) if self._inbox.has(ticket) and not is_closed else set()

    def _deleted(self) -> StudioError:
        return StudioError(
            f"project {self.project.id} is gone from {self.project.client.url}. What was told is safe in the run; what was"
            " answered there since is not. The same command says how to go on."
        )
