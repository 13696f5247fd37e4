"""The workspace behind the service: KQL text on the embedded engine, with tables and columns missing where wished."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.kql import EngineRefusal, Sql, parse, to_sql
from soc_analyst.tools.kql.tree import Query, Table
from soc_analyst.tools.kql.walking import walk
from soc_analyst.tools.logs.embedded import connect
from soc_analyst.tools.logs.results import as_kusto_types
from soc_analyst.tools.logs.tables import load_tables

__all__ = ["SemanticError", "Tenant"]

USAGE = ("TimeGenerated", "StartTime", "EndTime", "DataType", "Quantity", "QuantityUnit", "IsBillable")
ROW_BYTES = 1_000
"""What a row is billed as that does not say it, in `Usage` and in `_BilledSize`."""
BILLED = "_BilledSize"
INGESTED = "_Ingested"
"""The column that `ingestion_time()` is read from."""
DELAY = timedelta(minutes=2)
_PRINT = re.compile(r"print (\w+) = (\d{1,9})\Z")
"""The one form of a query that reads no table."""
_MISSING = re.compile(r'(?:column|Column) (?:named )?"([^"]{1,100})"', re.IGNORECASE)


class SemanticError(Exception):
    """The service's word for a query that names what is not there, or that it does not understand."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Tenant:
    """A folder of logs as the service holds it; `lacking` are tables it has not, `without` columns by table."""

    folder: Path
    lacking: Collection[str] = ()
    without: Mapping[str, Collection[str]] | None = None
    now: datetime | None = None
    delays: Mapping[str, timedelta] | None = None
    """How long rows took to come in, by table; two minutes where none is given."""

    def opened(self, home: Path) -> OpenTenant:
        """Load the folder and open it. Blocks."""
        schemas = {name: self._seen(schema) for name, schema in load_tables().items() if name not in self.lacking}
        engine = connect(self.folder, home, schemas, self._key())
        columns = {name: tuple(schema.columns) for name, schema in schemas.items()}
        dynamic = {c for schema in schemas.values() for c, column in schema.columns.items() if column.type == "dynamic"}
        _measured(engine, columns, self.delays or {})
        known = {**columns, **({"Usage": USAGE} if "Usage" not in self.lacking else {})}
        held = {name: _rows_of(engine, name) for name in columns}
        return OpenTenant(engine, known, frozenset(dynamic), self.now or _newest(engine), held)

    def _seen(self, schema: TableSchema) -> TableSchema:
        gone = (self.without or {}).get(schema.name, ())
        kept = {name: column for name, column in schema.columns.items() if name not in gone}
        return schema.model_copy(update={"columns": kept})

    def _key(self) -> str:
        gone = sorted((table, sorted(columns)) for table, columns in (self.without or {}).items())
        return hashlib.sha256(repr((sorted(self.lacking), gone)).encode()).hexdigest()


@dataclass(frozen=True)
class OpenTenant:
    """A tenant that answers."""

    engine: duckdb.DuckDBPyConnection
    columns: Mapping[str, tuple[str, ...]]
    dynamic: frozenset[str]
    """Columns that hold JSON."""
    now: datetime
    held: Mapping[str, int]
    """Rows of each table."""
    alone: threading.Lock = field(default_factory=threading.Lock)
    """Held for `Usage` and for what rows are billed as, which only the first connection has."""

    def run(self, kql: str) -> pa.Table:
        """Return the rows of a text; raise SemanticError where the service would."""
        if printed := _PRINT.match(kql):
            return pa.table({printed[1]: [int(printed[2])]})
        kql = kql.replace("ingestion_time()", INGESTED)
        parsed = parse(kql, max_text=1_000_000)
        if parsed.tree is None:
            raise SemanticError("SYN0002", f"Query could not be parsed: {parsed.diagnostics[0].message}")
        self._require_tables(parsed.tree)
        try:
            measured = any(name in kql for name in ("Usage", BILLED, INGESTED))
            sql = to_sql(kql, self._measured_columns() if measured else self.columns, self.now)
            return as_kusto_types(self._rows(sql, measured=measured))
        except EngineRefusal as refusal:
            raise SemanticError("SEM0001", refusal.diagnostic.message) from None
        except duckdb.BinderException as error:
            raise _unresolved(error) from None

    def _measured_columns(self) -> dict[str, tuple[str, ...]]:
        """Return the columns with those that only the first connection has."""
        told = {name: tuple(dict.fromkeys((*own, BILLED, INGESTED))) for name, own in self.columns.items()}
        return {**told, **({"Usage": USAGE} if "Usage" in self.columns else {})}

    def scanned(self, kql: str) -> int:
        """Return how many rows the tables hold that a text reads."""
        tree = parse(kql, max_text=1_000_000).tree
        named = {found.name for found in walk(tree) if isinstance(found, Table)} if tree is not None else set()
        return sum(self.held.get(name, 0) for name in named)

    def _rows(self, sql: Sql, *, measured: bool) -> pa.Table:
        if measured:
            with self.alone:
                return self.engine.sql(sql.text, params=dict(sql.parameters)).to_arrow_table()
        with self.engine.cursor() as cursor:
            return cursor.sql(sql.text, params=dict(sql.parameters)).to_arrow_table()

    def _require_tables(self, tree: Query) -> None:
        known = set(self.columns)
        for let in tree.lets:
            self._require(let.value, known)
            known.add(let.name)
        self._require(tree.body, known)

    def _require(self, node: object, known: Collection[str]) -> None:
        for found in walk(node):  # type: ignore[arg-type]
            if isinstance(found, Table) and found.name not in known:
                message = f"'{{0}}' operator: Failed to resolve table or column expression named '{found.name}'"
                raise SemanticError("SEM0100", message.format("where"))

    def close(self) -> None:
        """Let go of the engine."""
        self.engine.close()


def _unresolved(error: duckdb.BinderException) -> SemanticError:
    found = _MISSING.search(str(error))
    name = found[1] if found else "?"
    return SemanticError("SEM0100", f"'project' operator: Failed to resolve scalar expression named '{name}'")


def _measured(
    engine: duckdb.DuckDBPyConnection, columns: Mapping[str, tuple[str, ...]], delays: Mapping[str, timedelta]
) -> None:
    """Make views of the tables that say what a row is billed as and when it came, and `Usage`: megabytes by hour."""
    ((database,),) = engine.execute("SELECT current_database()").fetchall()
    for name, own in columns.items():
        size = f"coalesce({BILLED}, {ROW_BYTES})" if BILLED in own else f"{ROW_BYTES}::DOUBLE"
        shown = f"* REPLACE ({size} AS {BILLED})" if BILLED in own else f"*, {size} AS {BILLED}"
        seconds = delays.get(name, DELAY).total_seconds()
        came = f"TimeGenerated + to_seconds({seconds}) AS {INGESTED}"
        source = f'"{database}".main."{name}"'
        engine.execute(f'CREATE TEMP VIEW "{name}" AS SELECT {shown}, {came} FROM {source}').fetchall()
    parts = [
        f"SELECT date_trunc('hour', TimeGenerated) AS StartTime, '{name}' AS DataType,"
        f' sum({BILLED}) / 1e6 AS Quantity FROM "{name}" GROUP BY 1'
        for name in columns
    ]
    engine.execute(
        "CREATE TEMP TABLE Usage AS SELECT StartTime + INTERVAL 1 HOUR AS TimeGenerated, StartTime,"
        " StartTime + INTERVAL 1 HOUR AS EndTime, DataType, Quantity, 'MBytes' AS QuantityUnit, TRUE AS IsBillable"
        f" FROM ({' UNION ALL '.join(parts)})"
    ).fetchall()


def _rows_of(engine: duckdb.DuckDBPyConnection, table: str) -> int:
    ((rows,),) = engine.execute(f'SELECT count(*) FROM "{table}"').fetchall()
    return int(rows)


def _newest(engine: duckdb.DuckDBPyConnection) -> datetime:
    ((newest,),) = engine.execute("SELECT max(TimeGenerated) FROM Usage").fetchall()
    return newest.astimezone(UTC) if isinstance(newest, datetime) else datetime(2026, 1, 1, tzinfo=UTC)
