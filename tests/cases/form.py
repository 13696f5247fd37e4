"""The form of a case: a question, the rows behind it, and what must come of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from soc_analyst.state.findings import Outcome

__all__ = [
    "CASES",
    "CLOCK",
    "Case",
    "Expected",
    "ExpectedFinding",
    "FollowUp",
    "MalformedCase",
    "ago",
    "all_cases",
    "load",
]

CASES = Path(__file__).parents[2] / "cases"
CLOCK = datetime(2026, 3, 4, 15, tzinfo=UTC)
"""A Wednesday afternoon: the clock of every case, unless its options say otherwise."""
AGO = re.compile(r"-(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


class Loader(yaml.SafeLoader):
    """YAML in which `on`, `off`, `yes` and `no` are words, as in YAML 1.2."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in own if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, own in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class MalformedCase(ValueError):
    """A case that does not keep to the form, with the file and what is wrong in it."""


def _several(given: object) -> object:
    return [given] if isinstance(given, str) else given


Words = Annotated[tuple[str, ...], BeforeValidator(_several)]


class Strict(BaseModel):
    """No key that the form does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ExpectedFinding(Strict):
    """A Medium or High finding that must be there."""

    technique: Words
    """ATT&CK ids, any of which it may carry; a parent or a child of one is right too."""
    cites: str
    """The mark of a row that it must cite."""
    table: str = ""
    """The table of that row, where the mark is not to be trusted alone."""
    pivots: int = 0
    """How many leads in a row must have been followed to see that row: less means that the case is easier than told."""


class Expected(Strict):
    """What must be true of a report."""

    outcome: Annotated[tuple[Outcome, ...], BeforeValidator(_several)]
    findings: tuple[ExpectedFinding, ...] = ()
    quiet: bool = False
    """Whether nothing above Low may be found."""
    entities: Words = ()
    """`kind value`: what the report or its findings must name."""
    never: Words = ()
    """Marks of rows that no Medium or High finding may cite."""
    never_techniques: Words = ()
    """Techniques that no Medium or High finding may carry."""
    says: Words = ()
    """What must stand in the summary, the warnings or what is told of the tables."""
    rounds: int = 1
    """The least rounds that it takes."""
    claim: Literal["", "supported", "refuted", "open"] = ""
    """What must become of the alert's claim."""


class FollowUp(Strict):
    """A further question on the same thread."""

    question: str
    expect: Expected


class Case(Strict):
    """One case."""

    name: str
    about: str
    source: Words
    """Public descriptions that the rows were written from."""
    kind: Literal["attack", "benign", "blind"]
    question: str = ""
    options: dict[str, Any] = Field(default_factory=dict)
    """Fields of Context: now, since, until, alert, budgets."""
    policy: dict[str, Any] = Field(default_factory=dict)
    """Keys of the policy file that differ from the default's."""
    background: int | None = 1
    """The seed of the office around it; null for no rows but the case's own."""
    without: Words = ()
    """Tables that the workspace has not."""
    expect: Expected
    follow_ups: tuple[FollowUp, ...] = ()
    rows: dict[str, tuple[dict[str, Any], ...]] = Field(default_factory=dict)

    @cached_property
    def marks(self) -> frozenset[str]:
        """Return the marks that its rows carry."""
        return frozenset(row["mark"] for rows in self.rows.values() for row in rows if "mark" in row)

    @property
    def pivots(self) -> int:
        """Return the most leads in a row that a finding of it takes."""
        return max((finding.pivots for finding in self.expect.findings), default=0)


def load(folder: Path) -> Case:
    """Read a case: case.yaml, the rows beside it in rows.yaml and in <Table>.jsonl."""
    path = folder / "case.yaml"
    said = yaml.load(path.read_text("utf-8"), Loader)
    try:
        case = Case.model_validate({"name": folder.name, "rows": _rows(folder), **said})
    except ValidationError as error:
        told = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise MalformedCase(f"{path}: {'; '.join(told)}") from None
    expected = [case.expect, *(one.expect for one in case.follow_ups)]
    asked = {mark for one in expected for mark in (*one.never, *(f.cites for f in one.findings))}
    if missing := sorted(asked - case.marks):
        raise MalformedCase(f"{path}: no row carries the mark {missing[0]!r}")
    return case


def _rows(folder: Path) -> dict[str, Any]:
    path = folder / "rows.yaml"
    rows: dict[str, list[Mapping[str, Any]]] = yaml.load(path.read_text("utf-8"), Loader) if path.exists() else {}
    for file in sorted(folder.glob("*.jsonl")):
        rows.setdefault(file.stem, []).extend(json.loads(line) for line in file.read_text("utf-8").splitlines())
    return dict(rows)


def all_cases() -> list[Case]:
    """Return all cases, by name."""
    return [load(path.parent) for path in sorted(CASES.glob("*/case.yaml"))]


def ago(text: str) -> timedelta:
    """Read how long before the clock something was: `-1d2h`, `-30m`, `-4m20s`."""
    parts = AGO.fullmatch(text)
    if parts is None or not any(parts.groups()):
        raise MalformedCase(f"{text!r} is not a time before the clock, such as -30m or -1d2h")
    days, hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
