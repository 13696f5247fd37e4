"""Results and errors as the service writes them (Azure Monitor Logs query API, version 1)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from .identity import TENANT

__all__ = ["OTHER_TENANT", "TOKENS", "error", "partial", "refused_token", "result", "row_bytes", "statistics"]

OTHER_TENANT = "66666666-6666-4666-8666-666666666666"

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


TOKENS: Mapping[str, tuple[str, str]] = {
    "other_tenant": (
        "InvalidAuthenticationTokenTenant",
        f"The access token is from the wrong issuer 'https://sts.windows.net/{TENANT}/'. It must match the tenant "
        f"'https://sts.windows.net/{OTHER_TENANT}/' associated with this subscription. Please use the authority (URL) "
        f"'https://login.windows.net/{OTHER_TENANT}' to get the token.",
    ),
    "other_audience": (
        "InvalidAuthenticationTokenAudience",
        "The access token has been obtained from wrong audience or resource 'https://api.loganalytics.us'. It should "
        "exactly match (including forward slash) with one of the allowed audiences 'https://api.loganalytics.io'.",
    ),
    "token_over": (
        "ExpiredAuthenticationToken",
        "The access token expiry UTC time '1/1/2026 1:00:00 AM' is earlier than current UTC time "
        "'1/1/2026 2:00:00 AM'.",
    ),
}
"""What is wrong with a token: the inner code and message."""


def refused_token(kind: str) -> dict[str, Any]:
    """Return the body of a refusal of the token itself."""
    code, message = TOKENS[kind]
    told = error(401, message="The provided authentication is not valid for this resource")
    told["error"]["innererror"] = {"code": code, "message": message}
    return told


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
