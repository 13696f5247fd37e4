"""From a reading to queries: which tables can answer, and what to ask each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from soc_analyst.state.entities import Entity, EntityKind, Reading, TimeWindow, Topic
from soc_analyst.state.queries import AnyOf, Condition, Operator, PlannedQuery, TypedQuery
from soc_analyst.state.tables import TableSchema

from .matching import GUID, conditions_for

__all__ = ["queries_about", "queries_for", "subject_of", "tables_for", "telling_tables"]

ARTIFACTS: tuple[EntityKind, ...] = ("file", "process", "hash", "domain", "url", "registry_key")
TERM_COLUMNS = (
    "ProcessCommandLine", "InitiatingProcessCommandLine", "FileName", "InitiatingProcessFileName", "FolderPath",
    "RegistryKey", "RegistryValueData", "RemoteUrl", "OperationName", "OperationNameValue", "ActivityDisplayName",
    "TargetResources", "AppDisplayName", "ResultDescription", "Title", "Category",
)  # fmt: skip
TELLING: Mapping[EntityKind, set[Topic]] = {
    "account": {"signins", "directory", "azure", "logons", "processes", "alerts"},
    "ip": {"signins", "directory", "azure", "logons", "network", "flows", "alerts"},
}
"""Where a lead of a kind shows best; a host is looked up everywhere."""
PURPOSE = {
    "DeviceProcessEvents": "what ran",
    "DeviceNetworkEvents": "what was connected to",
    "DeviceFileEvents": "which files were written, renamed or deleted",
    "DeviceRegistryEvents": "what was set in the registry",
    "DeviceLogonEvents": "who logged on, and who failed to",
    "SigninLogs": "who signed in, from where and how",
    "AuditLogs": "what changed in the directory",
    "AzureActivity": "what was done to Azure resources",
    "AzureNetworkAnalytics_CL": "which flows the network security groups allowed and denied",
    "AlertInfo": "which alerts were raised",
    "AlertEvidence": "which alerts name it",
}
HYPOTHESIS = {
    "DeviceProcessEvents": "an attacker ran code",
    "DeviceNetworkEvents": "an attacker's tool talked to the outside or to other hosts",
    "DeviceFileEvents": "an attacker left or took files",
    "DeviceRegistryEvents": "an attacker changed the system's settings to stay or to hide",
    "DeviceLogonEvents": "an account was guessed, stolen or used to move",
    "SigninLogs": "an account was taken over",
    "AuditLogs": "rights, credentials or consents were changed to stay",
    "AzureActivity": "cloud resources were changed, read or destroyed",
    "AzureNetworkAnalytics_CL": "a machine tried to reach or to be reached through the network",
    "AlertInfo": "a product already raised an alarm",
    "AlertEvidence": "a product already raised an alarm about it",
}


def tables_for(reading: Reading, tables: Mapping[str, TableSchema]) -> tuple[str, ...]:
    """Return the tables that can answer: those of the topics asked, else all that know what it is about."""
    subject = subject_of(reading.entities)
    chosen = []
    for name, schema in tables.items():
        if _on_topic(reading, schema) and _can_tell(subject, schema):
            chosen.append(name)
    return tuple(chosen) or tuple(name for name, schema in tables.items() if _can_tell(subject, schema))


def _on_topic(reading: Reading, schema: TableSchema) -> bool:
    """What a program did also shows where it is the one that acted: in network, file and registry rows."""
    if not reading.topics or set(reading.topics).intersection(schema.topics):
        return True
    return "processes" in reading.topics and bool(reading.terms) and "InitiatingProcessFileName" in schema.columns


def _can_tell(subject: tuple[Entity, ...], schema: TableSchema) -> bool:
    """A port only narrows: a table without ports cannot tell, one with nothing but ports can."""
    told = [entity for entity in subject if conditions_for(entity, schema) is not None]
    ports = [entity for entity in subject if entity.kind == "port"]
    return not subject or (bool(told) and all(port in told for port in ports))


def subject_of(entities: Iterable[Entity]) -> tuple[Entity, ...]:
    """Return what rows must be about: where an account is named, its address and resources only describe it."""
    kinds = {entity.kind for entity in entities}
    leaves_out: set[EntityKind] = {"ip", "resource"} if "account" in kinds else set()
    return tuple(e for e in entities if e.kind not in leaves_out or (e.kind == "resource" and GUID.fullmatch(e.value)))


def queries_for(
    reading: Reading, tables: Mapping[str, TableSchema], *, round_: int, either: bool = False
) -> tuple[PlannedQuery, ...]:
    """Return one query for each table that can answer; `either` asks for rows about any of the things named."""
    planned: list[PlannedQuery] = []
    for name in tables_for(reading, tables):
        subject = reading.entities if reading.follows == "elsewhere" else subject_of(reading.entities)
        groups = _groups(subject, tables[name])
        terms = () if reading.broad else _terms(reading.terms, tables[name])
        where = _joined(groups) if either else groups
        typed = TypedQuery(table=name, start=reading.window.start, end=reading.window.end, where=(*where, *terms))
        typed = _leaving_out(reading.excluded, typed, tables[name])
        about = _about(reading.entities) + (f" without {_about(reading.excluded)}" if reading.excluded else "")
        planned.append(_planned(f"r{round_}q{len(planned) + 1}", typed, about))
    return tuple(planned)


def queries_about(
    entity: Entity,
    window: TimeWindow,
    tables: Mapping[str, TableSchema],
    *,
    first_id: int,
    round_: int,
    why: str,
    excluded: tuple[Entity, ...] = (),
) -> tuple[PlannedQuery, ...]:
    """Return a query about one thing for each table that knows it."""
    planned: list[PlannedQuery] = []
    for name in telling_tables(entity, tables):
        condition = conditions_for(entity, tables[name])
        assert condition is not None
        typed = TypedQuery(table=name, start=window.start, end=window.end, where=(condition,))
        typed = _leaving_out(excluded, typed, tables[name])
        query = _planned(f"r{round_}q{first_id + len(planned)}", typed, f"{entity.kind} {entity.value}")
        planned.append(query.model_copy(update={"leads_from": why}))
    return tuple(planned)


NOT: Mapping[Operator, Operator] = {
    "=~": "!~",
    "==": "!=",
    "contains": "!contains",
    "startswith": "!startswith",
    "endswith": "!endswith",
    "has": "!has",
}


def _leaving_out(excluded: tuple[Entity, ...], typed: TypedQuery, schema: TableSchema) -> TypedQuery:
    """Return the query without rows about what the user wants left out."""
    tests = [test for entity in excluded if (test := conditions_for(entity, schema)) is not None]
    without = tuple(
        AnyOf(conditions=(condition.model_copy(update={"op": NOT[condition.op]}),))
        for test in tests
        for condition in test.conditions
        if condition.op in NOT
    )
    return typed.model_copy(update={"where": (*typed.where, *without)}) if without else typed


def telling_tables(entity: Entity, tables: Mapping[str, TableSchema]) -> tuple[str, ...]:
    """Return the tables in which a thing of its kind shows best."""
    return tuple(
        name
        for name, schema in tables.items()
        if conditions_for(entity, schema) is not None
        and TELLING.get(entity.kind, set(schema.topics)).intersection(schema.topics)
    )


def _planned(query_id: str, typed: TypedQuery, about: str) -> PlannedQuery:
    purpose = PURPOSE.get(typed.table, f"what {typed.table} holds")
    return PlannedQuery(
        id=query_id,
        purpose=f"{purpose[0].upper()}{purpose[1:]}: {about}",
        hypothesis=HYPOTHESIS.get(typed.table, ""),
        typed=typed,
    )


def _about(entities: tuple[Entity, ...]) -> str:
    return ", ".join(f"{entity.kind} {entity.value}" for entity in entities) or "the whole tenant"


def _groups(entities: Iterable[Entity], schema: TableSchema) -> tuple[AnyOf, ...]:
    """Return a test for each kind of thing named: any of its things."""
    by_kind: dict[str, list[Condition]] = {}
    for entity in entities:
        test = conditions_for(entity, schema)
        if test is not None:
            by_kind.setdefault(_group_name(entity), []).extend(test.conditions)
    return tuple(AnyOf(conditions=tuple(dict.fromkeys(conditions))) for conditions in by_kind.values())


def _group_name(entity: Entity) -> str:
    if entity.kind in ARTIFACTS:
        return "artifact"
    if entity.kind == "resource":
        return "scope" if GUID.fullmatch(entity.value) else "resource"
    return entity.kind


def _joined(groups: tuple[AnyOf, ...]) -> tuple[AnyOf, ...]:
    conditions = tuple(condition for group in groups for condition in group.conditions)
    return (AnyOf(conditions=conditions),) if conditions else ()


def _terms(terms: tuple[str, ...], schema: TableSchema) -> tuple[AnyOf, ...]:
    columns = [column for column in TERM_COLUMNS if column in schema.columns]
    conditions = tuple(
        Condition(column=column, op="contains", values=(term,)) for term in terms for column in columns if term
    )
    return (AnyOf(conditions=conditions),) if conditions else ()
