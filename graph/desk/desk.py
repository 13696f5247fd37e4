"""The desk a node works at: policy, tables, workspace and records, opened for its context and closed after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from soc_analyst.settings import Settings
from soc_analyst.state.case import CaseState
from soc_analyst.state.errors import OperatorError
from soc_analyst.state.queries import QueryRecord
from soc_analyst.state.tables import Column, TableSchema
from soc_analyst.tools.detections.known_good import read_known_good
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.guard import Policy, load_policy
from soc_analyst.tools.logs.base import Workspace
from soc_analyst.tools.logs.tables import load_tables
from soc_analyst.tools.logs.workspaces import AzureSettings, open_workspace
from soc_analyst.tools.models import ModelSpec, parse_model_spec, require_allowed, require_keys
from soc_analyst.tools.models.limits_file import read_figures
from soc_analyst.tools.records.cases import CaseFolder
from soc_analyst.tools.records.folder import DataDir

from ..context import Context
from .catalogs import catalog_for
from .opened import shared

__all__ = ["Desk", "allowed_tables", "data_of", "model_for", "open_desk", "policy_for", "wall_clock"]


@dataclass(frozen=True)
class Desk:
    """What a node needs of the world."""

    context: Context
    policy: Policy
    tables: Mapping[str, TableSchema]
    """The tables and columns that policy allows."""
    data: DataDir
    settings: Settings
    lacking: Mapping[str, tuple[str, ...]] | None = None
    """What the workspace has not, once that is known."""
    attempt: int = 0
    """Which time the same evidence is judged, where it is judged again to see whether the verdict stands."""
    recorded_only: bool = False
    """Whether a model's answers are those on disk alone, and none is asked for."""

    def case(self, state: CaseState) -> CaseFolder:
        """Return the folder of the case."""
        return self.data.folder(state["thread_id"])

    def within(self, lacking: Mapping[str, tuple[str, ...]]) -> Desk:
        """Return the desk without what the workspace lacks: columns by table, or a whole table where none is named."""
        kept = {name: _without(schema, lacking.get(name, ())) for name, schema in self.tables.items()}
        gone = [name for name, columns in lacking.items() if not columns]
        tables = {name: schema for name, schema in kept.items() if name not in gone}
        return replace(self, tables=tables, lacking=lacking)

    def moment(self) -> datetime:
        """Return the time that it is, whatever the investigation's clock says."""
        return wall_clock()

    @asynccontextmanager
    async def workspace(self) -> AsyncIterator[Workspace]:
        """Open the logs, or go on with those that the run has open."""
        azure = AzureSettings(self.settings.logs_endpoint, self.settings.authority)
        asked = (self.context.workspace, self.data.root, self.policy.hash, self.context.now, azure)
        async with shared(asked, partial(self._opened, azure)) as workspace:
            yield workspace

    def _opened(self, azure: AzureSettings) -> AbstractAsyncContextManager[Workspace]:
        return open_workspace(
            self.context.workspace,
            data_dir=self.data.root,
            columns=self.policy.tables,
            policy_hash=self.policy.hash,
            now=self.context.now,
            clock=wall_clock,
            lacking=self.lacking,
            azure=azure,
        )

    def evidence(self, records: tuple[QueryRecord, ...]) -> Evidence:
        """Read the stored rows of these queries: those of a table together, what a query made by itself. Blocks."""
        by_name: dict[str, list[QueryRecord]] = {}
        for record in records:
            if record.rows_digest:
                by_name.setdefault(record.evidence_name, []).append(record)
        store = self.data.evidence
        return Evidence(
            TableRows.collect(
                name,
                ((record.id, store.packed_rows(record.rows_digest)) for record in own),
                made=own[0].shape == "made",
            )
            for name, own in by_name.items()
        )

    def schemas(self, records: tuple[QueryRecord, ...]) -> Mapping[str, TableSchema]:
        """Return the tables, and what queries made: a column there means what it does in the tables it came from."""
        made = {
            record.evidence_name: _joined(record, self.tables)
            for record in records
            if record.shape == "made" and record.table in self.tables
        }
        return {**self.tables, **made}


@asynccontextmanager
async def open_desk(
    context: Context | None, lacking: Mapping[str, tuple[str, ...]] | None = None, *, recorded_only: bool = False
) -> AsyncIterator[Desk]:
    """Lay out a desk for a context; the defaults where the host gave none. `lacking` is what the workspace has not."""
    desk = await asyncio.to_thread(_laid_out, context or Context(), recorded_only)
    yield desk if lacking is None else desk.within(lacking)


def policy_for(context: Context) -> Policy:
    """Read the policy in force. Blocks."""
    return load_policy(context.policy, load_tables())


def model_for(context: Context, policy: Policy) -> ModelSpec:
    """Return the model in use; raise OperatorError where policy does not allow it, or its key is not set."""
    spec = parse_model_spec(context.model)
    require_allowed(spec, policy.models)
    require_keys(spec, Settings.keys())
    return spec


def allowed_tables(policy: Policy) -> Mapping[str, TableSchema]:
    """Return the catalogue's tables cut down to what policy allows."""
    return {
        name: schema.model_copy(update={"columns": _within(schema.columns, policy, name)})
        for name, schema in load_tables().items()
        if name in policy.tables
    }


def _within(columns: Mapping[str, Column], policy: Policy, table: str) -> dict[str, Column]:
    """Keep the catalogue's order, the most direct columns first; policy may mark more of them personal."""
    allowed = frozenset(policy.tables[table])
    marked = policy.of_table[table].personal if table in policy.of_table else ()
    return {
        name: column.model_copy(update={"personal": True}) if name in marked else column
        for name, column in columns.items()
        if name in allowed
    }


def _joined(record: QueryRecord, tables: Mapping[str, TableSchema]) -> TableSchema:
    """Return the columns of all tables that a query read; personal where they are in one of them."""
    columns: dict[str, Column] = {}
    for name in dict.fromkeys((record.table, *record.tables)):
        for column, own in tables[name].columns.items() if name in tables else ():
            known = columns.setdefault(column, own)
            if own.personal and not known.personal:
                columns[column] = known.model_copy(update={"personal": True})
    return tables[record.table].model_copy(update={"name": record.evidence_name, "columns": columns})


def _without(schema: TableSchema, columns: tuple[str, ...]) -> TableSchema:
    return schema.model_copy(update={"columns": {n: c for n, c in schema.columns.items() if n not in columns}})


def data_of(context: Context) -> DataDir:
    """Return the data folder of a context, with the key that it is sealed with."""
    return DataDir(context.data_dir, Settings.seal(), context.evidence)


def wall_clock() -> datetime:
    """Return the time at which a record is written; never the investigation's clock."""
    return datetime.now(UTC)


def _laid_out(context: Context, recorded_only: bool) -> Desk:
    policy = policy_for(context)
    if not recorded_only:
        model_for(context, policy)
    if context.sigma_rules is not None and not context.sigma_rules.is_dir():
        raise OperatorError(
            "there is no such folder; give a folder of Sigma rules", where=f"--sigma-rules {context.sigma_rules}"
        )
    catalog_for(context)
    if context.known_good is not None:
        read_known_good(context.known_good, wall_clock())  # a fault is told before anything runs
    read_figures(context.limits)
    return Desk(
        context=context,
        policy=policy,
        tables=allowed_tables(policy),
        data=data_of(context).ready(),
        settings=Settings.from_environment(),
        recorded_only=recorded_only,
    )
