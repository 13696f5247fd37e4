"""What an operation in Azure asked for, read with the row that says it was done.

The activity log tells the body of a request in the row that begins an operation, and often only there; the row that
says it succeeded tells the outcome. Neither alone is the act: the first may have failed, the second hides what it did.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.tools.evidence.packing import is_text, plain
from soc_analyst.tools.evidence.rows import taken

__all__ = ["TABLE", "TOLD_IN", "begun_rows", "with_what_was_asked"]

TABLE = "AzureActivity"
TOLD_IN = ("Properties", "Properties_d")
BODY = "requestbody"
BEGUN = ("start", "started", "accept", "accepted")
DONE = ("success", "succeeded", "accept", "accepted")
ONE_OPERATION = ("CorrelationId", "OperationNameValue", "_ResourceId", "Caller")
"""What the rows of one operation share; a deployment has one correlation for all that it writes."""
UNNAMED_SECONDS = 30 * 60
"""How long rows without a correlation are taken for one operation."""


def begun_rows(rows: pa.Table) -> dict[int, int]:
    """Return, by the row that says an operation was done but not what was asked, the row that asked for it."""
    names = set(rows.column_names)
    told_in = [name for name in TOLD_IN if name in names and is_text(rows[name].type)]
    if not told_in or not {"ActivityStatusValue", "OperationNameValue", "Caller"} <= names:
        return {}
    asks = pc.fill_null(pc.match_substring(plain(rows[told_in[0]]), BODY, ignore_case=True), False)
    status = pc.utf8_lower(pc.cast(plain(rows["ActivityStatusValue"]), pa.large_string()))
    begun = _where(pc.and_(asks, pc.is_in(status, pa.array(BEGUN, pa.large_string()))))
    if not begun:
        return {}
    done = _where(pc.and_(pc.invert(asks), pc.is_in(status, pa.array(DONE, pa.large_string()))))
    started: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, key in zip(begun, _operations(rows, begun), strict=True):
        started[key].append(row)
    times = dict(zip([*begun, *done], _seconds(rows, [*begun, *done]), strict=True))
    found = {}
    for row, key in zip(done, _operations(rows, done), strict=True):
        within = float("inf") if key[0] else UNNAMED_SECONDS
        before = [one for one in started.get(key, ()) if 0 <= times[row] - times[one] <= within]
        if before:
            found[row] = max(before, key=times.__getitem__)
    return found


def with_what_was_asked(column: pa.ChunkedArray, begun: Mapping[int, int]) -> pa.ChunkedArray:
    """Return a column of properties in which what was done tells the body of the request that began it."""
    if not begun or not is_text(column.type):
        return column
    whole = plain(column).cast(pa.large_string()).combine_chunks()
    done = sorted(begun)
    own, asked = taken(column, done), taken(column, [begun[row] for row in done])
    told = [_joined(str(mine or ""), str(other or "")) for mine, other in zip(own, asked, strict=True)]
    mask = pc.is_in(pa.array(range(len(column)), pa.int64()), pa.array(done, pa.int64()))
    return pa.chunked_array([pc.replace_with_mask(whole, mask, pa.array(told, pa.large_string()))])


def _where(mask: pa.ChunkedArray) -> list[int]:
    found: list[int] = pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist()
    return found


def _operations(rows: pa.Table, some: list[int]) -> Iterator[tuple[str, ...]]:
    columns = [_lower(rows, name, some) for name in ONE_OPERATION]
    resources = _lower(rows, "ResourceId", some)
    for (correlation, operation, resource, caller), other in zip(zip(*columns, strict=True), resources, strict=True):
        yield correlation, operation, resource or other, caller


def _lower(rows: pa.Table, name: str, some: list[int]) -> list[str]:
    if name not in rows.column_names:
        return [""] * len(some)
    return [str(value or "").lower() for value in taken(rows[name], some)]


def _seconds(rows: pa.Table, some: list[int]) -> list[float]:
    """Return the times of rows; all alike where the rows tell none."""
    if "TimeGenerated" not in rows.column_names or not pa.types.is_timestamp(rows["TimeGenerated"].type):
        return [0.0] * len(some)
    return [value.timestamp() if value is not None else 0.0 for value in taken(rows["TimeGenerated"], some)]


def _joined(own: str, asked: str) -> str:
    """Return properties with the body that others tell."""
    body = _body(asked)
    if not body:
        return own
    member = f'"{BODY}": {body}'
    before = own.rstrip()
    if not before.endswith("}"):
        return f"{{{member}}}" if not before else f"{own} {member}"
    inside = before[:-1].rstrip()
    return f"{inside}{'' if inside.endswith('{') else ', '}{member}}}"


def _body(properties: str) -> str:
    """Return the body of a request as JSON; empty where the properties are cut off or tell none."""
    try:
        told = json.loads(properties)
    except (ValueError, RecursionError):
        return ""
    members = told.items() if isinstance(told, dict) else ()
    return next((json.dumps(value) for name, value in members if str(name).lower() == BODY), "")
