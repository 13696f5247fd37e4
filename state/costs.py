"""What reading the logs costs: what tables hold, what a query would read, what it did read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from .base import UtcTime, Value

__all__ = ["GB", "Basis", "Estimate", "Scanned", "Volume", "in_words", "size_text", "volume_of"]

GB = 1_000_000_000
"""Bytes of a gigabyte as Azure Monitor bills it."""

Basis = Literal["usage", "count", "loaded"]
"""Where a volume is from: the workspace's table Usage, a count of the rows, or the rows of a loaded folder."""


class Estimate(Value):
    """Rows and bytes that the window of a query holds in its tables; null where nobody knows."""

    rows: int | None = None
    bytes: int | None = None
    basis: tuple[Basis, ...] = ()

    @classmethod
    def together(cls, parts: Sequence[Estimate]) -> Estimate:
        """Return the sum, as far as every part of it is known."""
        rows = [part.rows for part in parts if part.rows is not None]
        sizes = [part.bytes for part in parts if part.bytes is not None]
        return cls(
            rows=sum(rows) if len(rows) == len(parts) else None,
            bytes=sum(sizes) if len(sizes) == len(parts) else None,
            basis=tuple(dict.fromkeys(basis for part in parts for basis in part.basis)),
        )


class Scanned(Value):
    """What the service says a query took; null where it does not say."""

    rows: int | None = None
    """Rows read, before any condition."""
    bytes: int | None = None
    """Bytes read of the stored, compressed columns."""
    cpu_ms: float | None = None
    memory_bytes: int | None = None
    """Peak memory of one node."""

    @classmethod
    def together(cls, parts: Iterable[Scanned | None]) -> Scanned | None:
        """Return what several queries took as one, or None where nothing is known of any."""
        known = [part for part in parts if part is not None]
        if not known:
            return None
        cpu = [part.cpu_ms for part in known if part.cpu_ms is not None]
        return cls(
            rows=_total(part.rows for part in known),
            bytes=_total(part.bytes for part in known),
            cpu_ms=round(sum(cpu), 1) if cpu else None,
            memory_bytes=max((part.memory_bytes for part in known if part.memory_bytes is not None), default=None),
        )


class Volume(Value):
    """What a table holds in equal parts of a stretch of time: enough to tell what any window inside it holds."""

    table: str
    start: UtcTime
    end: UtcTime
    sizes: tuple[int, ...] = ()
    """Bytes of each part, as they are billed; empty where nobody knows."""
    rows: tuple[int, ...] = ()
    """Rows of each part; empty where nobody knows."""
    basis: Basis
    delay_seconds: float | None = None
    """How long nearly all rows took from the event to the workspace; null where that was not measured."""

    def within(self, start: datetime, end: datetime) -> Estimate:
        """Return what a window holds; of a part that lies in it partly, as much as of its time."""
        return Estimate(
            rows=_summed(self.rows, self._shares(start, end, len(self.rows))),
            bytes=_summed(self.sizes, self._shares(start, end, len(self.sizes))),
            basis=(self.basis,),
        )

    def spans(self, start: datetime, end: datetime) -> bool:
        """Return whether a window lies in this stretch of time."""
        return self.start <= start and end <= self.end

    def _shares(self, start: datetime, end: datetime, parts: int) -> list[float]:
        width = (self.end - self.start) / max(1, parts)
        begins = [self.start + width * at for at in range(parts)]
        return [max(timedelta(0), min(end, at + width) - max(start, at)) / width for at in begins]


def size_text(size: float) -> str:
    """Return an amount of bytes in the unit that suits it, as it is billed: a thousand of one make the next."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} bytes" if unit == "bytes" else f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} TB" if size < 1000 else f"{size:,.0f} TB"


def in_words(cost: Estimate | Scanned | None) -> str:
    """Return rows and bytes as far as they are known, empty where neither is."""
    rows = f"{cost.rows:,} rows" if cost is not None and cost.rows is not None else ""
    size = size_text(cost.bytes) if cost is not None and cost.bytes is not None else ""
    return ", ".join(filter(None, (rows, size)))


def volume_of(volumes: Iterable[Volume], table: str, start: datetime, end: datetime) -> Volume | None:
    """Return the volume that tells of a table in a window, if there is one."""
    return next((one for one in volumes if one.table == table and one.spans(start, end)), None)


def _summed(amounts: tuple[int, ...], shares: list[float]) -> int | None:
    return round(sum(amount * share for amount, share in zip(amounts, shares, strict=True))) if amounts else None


def _total(amounts: Iterable[int | None]) -> int | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None
