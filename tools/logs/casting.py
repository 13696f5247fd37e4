"""SQL that turns whatever a file holds into the catalogue's types."""

from __future__ import annotations

from soc_analyst.state.tables import ColumnType

__all__ = ["SQL_TYPES", "cast", "is_given", "is_safe", "quoted", "time_is_readable"]

SQL_TYPES: dict[ColumnType, str] = {
    "string": "VARCHAR",
    "long": "BIGINT",
    "int": "INTEGER",
    "real": "DOUBLE",
    "bool": "BOOLEAN",
    "datetime": "TIMESTAMP",
    "dynamic": "JSON",
}
"""How the engine holds a KQL type; times are UTC without a zone, as the KQL translation expects."""

INTEGERS = frozenset(f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE", ""))
NUMBERS = INTEGERS | {"INTEGER", "UINTEGER", "FLOAT", "DOUBLE", "BOOLEAN"}
NAIVE_TIMES = frozenset({"TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S", "DATE"})
ZONED_TIMES = frozenset({"TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ", "TIMESTAMP_NS WITH TIME ZONE"})
EXPORT_TIMES = (
    "%m/%d/%Y, %I:%M:%S.%f %p", "%m/%d/%Y, %I:%M:%S %p", "%m/%d/%Y %I:%M:%S %p", "%b %d, %Y %I:%M:%S %p",
    "%b %d, %Y %I:%M:%S.%f %p",
)  # fmt: skip
"""How the Azure and Defender portals write times into CSV."""


def quoted(name: str) -> str:
    """Return a name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def cast(raw: str, raw_type: str, wanted: ColumnType) -> str:
    """Return SQL for `raw` as the wanted type; null where the value is none, and '' for a string.

    Strings are never null in KQL; a dynamic value stays JSON, and text that is no JSON becomes a JSON string.
    """
    if wanted == "string":
        return f"coalesce({_text(raw, raw_type)}, '')"
    if wanted == "datetime":
        return _time(raw, raw_type)
    if wanted == "dynamic":
        return _dynamic(raw, raw_type)
    if raw_type == SQL_TYPES[wanted]:
        return raw
    source = raw if raw_type in NUMBERS or raw_type.startswith("DECIMAL") else f"trim({_text(raw, raw_type)})"
    return f"TRY_CAST({source} AS {SQL_TYPES[wanted]})"


def is_safe(raw_type: str, wanted: ColumnType) -> bool:
    """Return whether no value can be lost by the cast."""
    return wanted in ("string", "dynamic") or raw_type == SQL_TYPES[wanted] or raw_type in INTEGERS & {wanted.upper()}


def is_given(raw: str, raw_type: str) -> str:
    """Return SQL that tells whether a value was given at all, rather than left empty or written as null."""
    if raw_type != "VARCHAR":
        return f"{raw} IS NOT NULL"
    return f"lower(trim(coalesce({raw}, ''))) NOT IN ('', 'null', 'none', 'nan')"


def time_is_readable(raw_type: str) -> bool:
    """Return whether values of this type can be times."""
    return raw_type == "VARCHAR" or raw_type in NAIVE_TIMES | ZONED_TIMES


def _text(raw: str, raw_type: str) -> str:
    if raw_type == "VARCHAR":
        return raw
    if raw_type in NAIVE_TIMES | ZONED_TIMES:
        return f"strftime({_time(raw, raw_type)}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    if _is_nested(raw_type):
        return f"CAST(to_json({raw}) AS VARCHAR)"
    return f"CAST({raw} AS VARCHAR)"


def _time(raw: str, raw_type: str) -> str:
    if raw_type == "TIMESTAMP":
        moment = raw
    elif raw_type in NAIVE_TIMES:
        moment = f"CAST({raw} AS TIMESTAMP)"
    elif raw_type in ZONED_TIMES:
        moment = f"CAST({raw} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
    elif raw_type == "VARCHAR":
        formats = ", ".join(f"'{text}'" for text in EXPORT_TIMES)
        # A leading digit and a dash: the engine also reads words such as 'infinity' and 'epoch' as times.
        iso = f"CASE WHEN {raw} SIMILAR TO '\\s*\\d{{4}}-.*' THEN TRY_CAST({raw} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' END"
        moment = f"coalesce({iso}, try_strptime(trim({raw}), [{formats}]))"
    else:
        return "CAST(NULL AS TIMESTAMP)"
    return f"CASE WHEN isfinite({moment}) AND year({moment}) BETWEEN 1 AND 9999 THEN {moment} END"


def _dynamic(raw: str, raw_type: str) -> str:
    if raw_type in ("VARCHAR", "JSON"):
        text = f"CAST({raw} AS VARCHAR)" if raw_type == "JSON" else raw
        return (
            f"CASE WHEN trim(coalesce({text}, '')) = '' THEN NULL"
            f" WHEN json_valid({text}) THEN CAST({text} AS JSON) ELSE to_json({text}) END"
        )
    return f"CASE WHEN {raw} IS NOT NULL THEN to_json({raw}) END"


def _is_nested(raw_type: str) -> bool:
    return raw_type.endswith("]") or raw_type.startswith(("STRUCT", "MAP", "UNION"))
