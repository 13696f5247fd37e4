"""The writing itself: each thing is looked for first, created under its derived name, and told as soon as it is there.

A run that ends anywhere can be run again: what is there is found by its name and not written a second time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from azure.core.exceptions import AzureError

from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.records.safe_text import printable

from .draft import API_VERSION, Draft, Drafts, Step
from .manager import Answer, ResourceManager
from .troubles import Trouble, is_absent, of_answer, of_exception

__all__ = ["Done", "Known", "Standing", "Writer"]

What = Literal["incident", "comment"]
PARTS: tuple[What, What] = ("incident", "comment")


@dataclass(frozen=True)
class Known:
    """An incident as the service tells it."""

    number: int | None
    url: str
    status: str

    @classmethod
    def of(cls, answer: Answer) -> Known:
        """Read an answer."""
        told = answer.body.get("properties")
        properties = told if isinstance(told, dict) else {}
        number = properties.get("incidentNumber")
        return cls(
            number if isinstance(number, int) else None,
            printable(str(properties.get("incidentUrl") or ""))[:500],
            printable(str(properties.get("status") or ""))[:40],
        )


@dataclass(frozen=True)
class Standing:
    """What is there of a draft already."""

    draft: Draft
    incident: Known | None
    comment: bool

    @property
    def is_whole(self) -> bool:
        """Return whether nothing is missing."""
        return self.incident is not None and self.comment


@dataclass(frozen=True)
class Done:
    """One thing that is there now, and whether this run created it."""

    draft: Draft
    what: What
    created: bool
    known: Known
    """The incident, also where the thing is its comment."""


class _Failed(Exception):
    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble


class Writer:
    """Write what one yes was given to. `record` is told of each thing before the next one is begun."""

    def __init__(self, manager: ResourceManager, drafts: Drafts, record: Callable[[Done], None]) -> None:
        self._manager = manager
        self._drafts = drafts
        self._record = record

    def look(self) -> tuple[Standing, ...]:
        """Return what is there already; this writes nothing."""
        try:
            return tuple(self._standing(draft) for draft in self._drafts.drafts)
        except _Failed as error:
            raise error.trouble.as_error("nothing was written") from error

    def write(self, agreed: str) -> Iterator[Done]:
        """Create what is missing, and yield each thing; refuse unless `agreed` is the hash of exactly this content."""
        if agreed != self._drafts.sha256:
            raise OperatorError(
                f"the yes is to other content: this is sha256 {self._drafts.sha256}; nothing was written", where="--yes"
            )
        done: list[Done] = []
        for draft in self._drafts.drafts:
            incident: Known | None = None
            for what in PARTS:
                try:
                    one = self._there(draft, what, incident)
                except _Failed as error:
                    raise error.trouble.as_error(self._so_far(done, error.trouble)) from error
                incident = one.known
                done.append(one)
                self._record(one)
                yield one

    def _standing(self, draft: Draft) -> Standing:
        target = self._drafts.target
        incident = self._looked(draft.incident(target))
        comment = incident is not None and self._looked(draft.comment(target)) is not None
        return Standing(draft, None if incident is None else Known.of(incident), comment)

    def _there(self, draft: Draft, what: What, incident: Known | None) -> Done:
        """Have a thing there, whoever created it."""
        target = self._drafts.target
        step = draft.incident(target) if what == "incident" else draft.comment(target)
        found = self._looked(step)
        if found is not None:
            return Done(draft, what, False, incident or Known.of(found))
        answer = self._asked(lambda: self._manager.create(step.path, API_VERSION, step.content))
        if answer.status in (200, 201) and isinstance(answer.body.get("properties"), dict):
            return Done(draft, what, True, incident or Known.of(answer))
        if answer.status in (409, 412):  # another was faster, or our own first try, whose answer was lost
            found = self._looked(step)
            if found is not None:
                return Done(draft, what, _is_as_sent(found, step), incident or Known.of(found))
        raise _Failed(of_answer(answer, target))

    def _looked(self, step: Step) -> Answer | None:
        """Return a thing, or None where it is not there."""
        try:
            answer = self._asked(lambda: self._manager.get(step.path, API_VERSION))
        except _Failed as error:
            raise _Failed(replace(error.trouble, unsure=False)) from error
        if answer.status == 200 and isinstance(answer.body.get("properties"), dict):
            return answer
        if is_absent(answer):
            return None
        raise _Failed(replace(of_answer(answer, self._drafts.target), unsure=False))

    def _asked(self, send: Callable[[], Answer]) -> Answer:
        try:
            return send()
        except AzureError as error:
            raise _Failed(of_exception(error)) from error

    def _so_far(self, done: list[Done], trouble: Trouble) -> str:
        """Say what is there now and what is not."""
        there = [_named(one.draft, one.what) for one in done]
        missing = [_named(draft, what) for draft in self._drafts.drafts for what in PARTS][len(there) :]
        if not there and not trouble.unsure:
            return "nothing was written"
        said = [f"written: {_few(there)}"] if there else []
        if trouble.unsure:
            said.append(f"whether {missing.pop(0)} was written is not known")
        if missing:
            said.append(f"not written: {_few(missing)}")
        return ", ".join(said)


def _named(draft: Draft, what: What) -> str:
    return f"the {what} of {draft.finding_id}"


def _few(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _is_as_sent(answer: Answer, step: Step) -> bool:
    """Return whether a thing has the words that were sent."""
    sent, there = json.loads(step.content)["properties"], answer.body["properties"]
    return all(there.get(key) == sent[key] for key in ("title", "description", "message") if key in sent)
