"""How usual a line of a log is, over the rows at hand and what the workspace tells of earlier days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.reasoning.past import LIKE, Likeness, Past

from .alike import RowsAlike, plain_text
from .reasons import Reason

__all__ = ["Lookup", "Seen", "by_habit", "by_season", "rarity"]

KINDS = 5
"""Kinds of lines that one detection may be of."""
HOSTS_TO_COMPARE = 10
COMMON = 0.3
"""Share of hosts from which on a line is common."""
DAYS_OF_A_HABIT = 4
SEASON = timedelta(hours=4)
"""Hours within which hosts that are patched together do the same."""
REGULAR_DAYS, REGULAR_HOURS = 4, 1
"""Days on which one account did it, all within so many hours of the clock: a schedule."""


@dataclass(frozen=True)
class Seen:
    """Rows like one row: on how many hosts of how many, on which days of its own host, how by its own account."""

    hosts: int
    of_hosts: int
    days: int
    hosts_in_season: int
    hosts_by_account: int
    days_by_account: int
    regular: bool
    of_a_tenant: bool = False
    """Whether it is told of an actor of a tenant instead of a host."""

    @property
    def comparable(self) -> bool:
        """Whether there are hosts enough to compare with."""
        return not self.of_a_tenant and self.of_hosts >= HOSTS_TO_COMPARE

    @property
    def common(self) -> bool:
        """Whether many hosts show it."""
        return self.comparable and self.hosts >= COMMON * self.of_hosts

    @property
    def habit(self) -> bool:
        """Whether its own host, or account, shows it day by day."""
        return self.days >= DAYS_OF_A_HABIT


@dataclass
class Lookup:
    """Where usual lines are looked up: each kind of line once."""

    evidence: Evidence
    past: Past
    _known: dict[tuple[str, ...], Seen | None] = field(default_factory=dict)
    _parts: dict[str, list[RowsAlike]] = field(default_factory=dict)

    def seen(self, pairs: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Seen | None]:
        """Return how usual rows are, each with its table; None where that cannot be told.

        None too from the sixth kind of line on: a detection of so many kinds is nobody's routine. One kind at
        another hour is no other kind: what is done night after night would else be none.
        """
        kinds: set[tuple[str, ...]] = set()
        return [self._kind(table, row, kinds) for table, row in pairs]

    def _kind(self, table: str, row: Mapping[str, Any], kinds: set[tuple[str, ...]]) -> Seen | None:
        like = LIKE.get(table)
        if like is None or not row.get(like.text) or not row.get(like.place):
            return None
        hour = f"{row['TimeGenerated']:%Y-%m-%d %H}" if row.get("TimeGenerated") is not None else ""
        kind = (table, plain_text(str(row[like.text])), *(_low(row, name) for name in like.columns[:-1]))
        if kind not in kinds and len(kinds) == KINDS:
            return None
        kinds.add(kind)
        key = (hour, *kind)
        if key not in self._known:
            self._known[key] = self._counted(table, like, row)
        return self._known[key]

    def _counted(self, table: str, like: Likeness, row: Mapping[str, Any]) -> Seen | None:
        if table not in self._parts:
            self._parts[table] = list(self._parted(table, like))
        parts = self._parts[table]
        alike = [each for part in parts for each in part.to(row)]
        everybody = max([*(part.places for part in parts), self.past.places.get(table, 0)])
        return _counted(alike, like, row, everybody) if alike else None

    def _parted(self, table: str, like: Likeness) -> Iterator[RowsAlike]:
        """Yield the rows at hand and those of earlier days, where they have what must be compared."""
        rows = self.evidence.get(table)
        for part in (rows.rows if rows is not None else None, self.past.rows.get(table)):
            if part is not None and like.is_told_by(part):
                yield RowsAlike(part, like)


def _counted(alike: Sequence[Mapping[str, Any]], like: Likeness, row: Mapping[str, Any], everybody: int) -> Seen:
    place, account = _low(row, like.place), _low(row, like.account)
    own = [each for each in alike if _low(each, like.place) == place]
    by_account = [each for each in alike if account and _low(each, like.account) == account]
    moment = row.get("TimeGenerated")
    return Seen(
        hosts=len({_low(each, like.place) for each in alike}),
        of_hosts=everybody,
        days=len(_days(own)),
        hosts_in_season=len({_low(each, like.place) for each in alike if _near(each["TimeGenerated"], moment)}),
        hosts_by_account=len({_low(each, like.place) for each in by_account}),
        days_by_account=len(_days(by_account)),
        regular=_regular(by_account),
        of_a_tenant=like.place != "DeviceName",
    )


def by_habit(known: Sequence[Seen | None], tables: Iterable[str]) -> Iterable[Reason]:
    """Yield that such lines are common or a habit, by the rarest of the rows.

    The habit of an account at one address needs no second reason; where no address is told, it does.
    """
    told = [one for one in known if one is not None]
    if not told or len(told) < len(known):
        return
    if all(one.common for one in told):
        hosts = min(one.hosts for one in told)
        yield Reason("usual", f"common: such lines on {hosts} of {told[0].of_hosts} hosts")
    if all(one.habit for one in told):
        addressed = all(LIKE[table].addressed for table in tables)
        days = min(one.days for one in told)
        yield Reason("usual", f"a habit: such lines on {days} days{' from this address' * addressed}", proves=addressed)


def by_season(known: Sequence[Seen | None]) -> Iterable[Reason]:
    """Yield that many hosts did the same in the same hours. It is no reason by itself: so do worms."""
    told = [one for one in known if one is not None]
    if told and len(told) == len(known) and all(_in_season(one) for one in told):
        hours = int(SEASON.total_seconds() // 3_600)
        many = min(one.hosts_in_season for one in told)
        yield Reason(
            "season", f"{many} of {told[0].of_hosts} hosts did the same within {hours} hours of it", counts=False
        )


def rarity(known: Sequence[Seen | None]) -> str:
    """Say that no other host shows such a line, where there are hosts enough to compare."""
    told = [one for one in known if one is not None]
    if not told or not all(one.comparable for one in told):
        return ""
    rare = any(one.hosts == 1 and not one.habit for one in told)
    return f"rare: no other of {told[0].of_hosts} hosts shows such a line" if rare else ""


def _in_season(one: Seen) -> bool:
    return one.comparable and one.hosts_in_season >= COMMON * one.of_hosts


def _regular(rows: Sequence[Mapping[str, Any]]) -> bool:
    times = [each["TimeGenerated"] for each in rows if each["TimeGenerated"] is not None]
    if len({time.date() for time in times}) < REGULAR_DAYS:
        return False
    hours = sorted({time.hour + time.minute / 60 for time in times})
    gaps = [after - before for before, after in zip(hours, [*hours[1:], hours[0] + 24], strict=True)]
    return bool(24 - max(gaps) <= REGULAR_HOURS)


def _days(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    return {f"{each['TimeGenerated']:%Y-%m-%d}" for each in rows if each["TimeGenerated"] is not None}


def _near(moment: datetime | None, other: object) -> bool:
    return moment is not None and isinstance(other, datetime) and abs(moment - other) <= SEASON


def _low(row: Mapping[str, Any], column: str) -> str:
    return str(row.get(column) or "").lower()
