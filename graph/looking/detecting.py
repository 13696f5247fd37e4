"""The detections over whole tables, without an investigation."""

from __future__ import annotations

from collections.abc import Sequence

from soc_analyst.state.errors import OperatorError, UnreachableError

from ..context import Context
from ..desk.desk import Desk, open_desk
from .own_text import window_of
from .sweeping import Sweep, sweep

__all__ = ["detected"]


async def detected(context: Context, wanted: Sequence[str] = ()) -> Sweep:
    """Run the detections over these tables, or all that policy allows and the workspace has.

    Raise UnreachableError where there was no row to look at.
    """
    async with open_desk(context) as whole, whole.workspace() as workspace:
        desk = whole.within(workspace.lacking)
        tables = _chosen(wanted, desk, tuple(workspace.tables))
        window = window_of(context, await workspace.now(), desk.policy.max_window_days)
        found = await sweep(tables, window, desk, workspace)
    if not any(len(read.rows) for read in found.read):
        notes = "; ".join(dict.fromkeys(read.note for read in found.read if read.note))
        why = notes or f"no rows from {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"
        raise UnreachableError(f"{why}; choose the window with --since and --until, or see `soc-analyst doctor`")
    return found


def _chosen(wanted: Sequence[str], desk: Desk, present: Sequence[str]) -> tuple[str, ...]:
    if not wanted:
        return tuple(name for name in desk.tables if name in present)
    for name in wanted:
        if name in (desk.lacking or {}) and name not in desk.tables:
            raise UnreachableError(f"the workspace has no table {name}; connect its source, or ask another workspace")
        if name not in desk.tables:
            known = ", ".join(desk.tables)
            raise OperatorError(
                f"{name[:80]!r} is not a table that policy allows; allowed are {known}", where="--table"
            )
    return tuple(dict.fromkeys(wanted))
