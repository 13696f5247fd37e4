"""Results and errors as the service writes them (Azure Monitor Logs query API, version 1)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

__all__ = ["error", "partial", "result", "row_bytes", "statistics"]

DETAILS: Mapping[int, tuple[str, str]] = {
    400: ("BadArgumentError", "The request had some invalid properties"),
    401: ("InvalidTokenError", "The provided authentication token is not valid for this resource"),
    403: ("InsufficientAccessError", "The provided credentials have insufficient access to perform the operation"),
    404: ("WorkspaceNotFoundError", "The workspace could not be found"),
    429: ("ThrottledError", "Too many requests. Try again later."),
    500: ("InternalServerError", "Something went wrong processing your query on the server."),
    504: ("GatewayTimeout", "The request was terminated by the gateway: it took too long."),
}  # fmt: skip


def result(rows: pa.Table, dynamic: frozenset[str], *, statistics: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a response with one table."""
    kinds = [_kind(field, dynamic) for field in rows.schema]
    columns = [{"name": field.name, "type": kind} for field, kind in zip(rows.schema, kinds, strict=True)]
    values = [[_written(kind)(v) for v in rows.column(i).to_pylist()] for i, kind in enumerate(kinds)]
    listed = [list(row) for row in zip(*values, strict=True)] if values else []
    body: dict[str, Any] = {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": listed}]}
    return {**body, "statistics": {"query": dict(statistics)}} if statistics is not None else body


def statistics(rows: pa.Table, *, seconds: float, scanned: int) -> dict[str, Any]:
    """Return what is told of a query that read so many rows: a hundred bytes of each, all of them cached."""
    cold = {"hitbytes": 0, "missbytes": 0, "retrievebytes": 0}
    shards = {"hot": {**cold, "hitbytes": 100 * scanned}, "cold": cold, "bypassbytes": 0}
    return {
        "executionTime": seconds,
        "resourceUsage": {
            "cache": {"shards": shards},
            "cpu": {"user": "00:00:00", "kernel": "00:00:00", "totalCpu": f"00:00:{seconds % 60:010.7f}"},
            "memory": {"peakPerNode": 1_048_576},
        },
        "inputDatasetStatistics": {
            "extents": {"total": 1, "scanned": 1},
            "rows": {"total": scanned, "scanned": scanned},
            "rowstores": {"scannedRows": 0, "scannedValuesSize": 0},
        },
        "datasetStatistics": [{"tableRowCount": rows.num_rows, "tableSize": rows.nbytes}],
    }


def partial(body: dict[str, Any], code: str, message: str) -> dict[str, Any]:
    """Return a response whose rows are not all there, and why."""
    inner = {"code": code, "message": message, "severity": 2, "severityName": "Error"}
    detail = {
        "code": "EngineError",
        "message": "Something went wrong processing your query on the server.",
        "innererror": inner,
    }
    told = {
        "code": "PartialError",
        "message": "There were some errors when processing your query.",
        "details": [detail],
    }
    return {**body, "error": told}


def error(status: int, *, inner: tuple[str, str] | None = None, message: str = "") -> dict[str, Any]:
    """Return the body of a refusal; `inner` is the innermost code and message of a query that is wrong."""
    code, words = DETAILS[status]
    told: dict[str, Any] = {
        "message": message or words,
        "code": code,
        "correlationId": "00000000-0000-0000-0000-000000000000",
    }
    if inner is not None:
        kind = "SyntaxError" if inner[0].startswith("SYN") else "SemanticError"
        innermost = {"code": inner[0], "message": inner[1]}
        told["innererror"] = {
            "code": kind,
            "message": f"A {kind.removesuffix('Error').lower()} error occurred.",
            "innererror": innermost,
        }
    return {"error": told}


def row_bytes(row: list[Any]) -> int:
    """Return what a row takes in a response."""
    return len(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")) + 1


def _kind(field: pa.Field, dynamic: frozenset[str]) -> str:
    kind = field.type
    if pa.types.is_timestamp(kind):
        return "datetime"
    if pa.types.is_boolean(kind):
        return "bool"
    if pa.types.is_int32(kind):
        return "int"
    if pa.types.is_integer(kind):
        return "long"
    if pa.types.is_floating(kind):
        return "real"
    return "dynamic" if field.name in dynamic else "string"


def _written(kind: str) -> Callable[[Any], Any]:
    written: dict[str, Callable[[Any], Any]] = {"datetime": _time, "real": _real}
    return written.get(kind, _as_it_is)


def _as_it_is(value: Any) -> Any:
    return value


def _time(value: datetime | None) -> str | None:
    """Write a time with the seven digits of a tick."""
    return None if value is None else f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{value.microsecond:06d}0Z"


def _real(value: float | None) -> float | str | None:
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
