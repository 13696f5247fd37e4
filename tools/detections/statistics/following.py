"""What comes after what on one host, over two tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from soc_analyst.state.findings import Claim, Detection
from soc_analyst.state.names import told_computer

from .coded import Coded, Indexes, Mask, runs
from .frame import MAX_CITED, Frame

__all__ = ["Moments", "after", "first_seen", "machines", "with_rows"]


class Moments:
    """Rows of one kind by machine and time."""

    def __init__(self, frame: Frame, among: Mask) -> None:
        self.frame, self.hosts = frame, machines(frame)
        rows = np.flatnonzero(among & frame.timed & self.hosts.rows_where(bool))
        self._rows = {self.hosts.by_row[int(each[0])]: each for each in runs(self.hosts.codes, rows, frame.seconds)}

    def __iter__(self) -> Iterator[tuple[str, Indexes]]:
        return iter(self._rows.items())

    def rows(self) -> list[int]:
        """Return all rows by time."""
        return self.frame.in_order(np.concatenate([*self._rows.values(), np.zeros(0, np.int64)]))

    def __len__(self) -> int:
        return len(self._rows)

    def between(self, host: str, start: float, end: float) -> list[int]:
        """Return the rows of a machine from one second to another, both of them within."""
        rows = self._rows.get(host)
        if rows is None:
            return []
        times = self.frame.seconds[rows]
        low, high = np.searchsorted(times, start, "left"), np.searchsorted(times, end, "right")
        found: list[int] = rows[low:high].tolist()
        return found


def first_seen(frame: Frame, hosts: Coded, column: str, rows: Sequence[int]) -> dict[tuple[str, str], float]:
    """Return when the machines of these rows first showed what the rows hold in a column, by machine and text."""
    texts = frame.coded(column).lowered
    wanted = np.flatnonzero(np.isin(texts.codes, np.unique(texts.codes[np.array(rows, np.int64)])) & frame.timed)
    key = texts.codes[wanted] * len(hosts.values) + hosts.codes[wanted]
    order = np.lexsort((frame.seconds[wanted], key))
    firsts = order[np.flatnonzero(np.diff(key[order], prepend=-1))]
    return {
        (hosts.values[int(hosts.codes[row])], texts.values[int(texts.codes[row])]): float(frame.seconds[row])
        for row in wanted[firsts].tolist()
    }


def machines(frame: Frame) -> Coded:
    """Return the short name of the machine of each row: tables differ in whether they tell its domain."""
    return frame.coded("DeviceName").lowered.mapped(told_computer)


def after(statement: str, first: Frame, row: int, then: Frame, later: int) -> Claim:
    """Claim that a row of one table comes no later than one of another."""
    return Claim(kind="order", statement=statement, rows=(*first.rows.refs((row,)), *then.rows.refs((later,))))


def with_rows(made: Detection, frame: Frame, rows: Sequence[int]) -> Detection:
    """Return a detection that cites rows of another table too."""
    cited = dict.fromkeys((*made.rows, *frame.rows.refs(rows)))
    return made.model_copy(update={"rows": tuple(cited)[:MAX_CITED]})
