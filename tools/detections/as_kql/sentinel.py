"""A rule as a Microsoft Sentinel scheduled analytics rule, in the YAML of Sentinel's own repository of content."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from soc_analyst.state.entities import EntityKind
from soc_analyst.state.findings import Level
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.attack import AttackCatalog

from ..fields import field_map
from ..grouping import tactics_of, techniques_of
from ..ruleset import CompiledRule

__all__ = ["sentinel_yaml"]

SEVERITY: Mapping[Level, str] = {
    "critical": "High", "high": "High", "medium": "Medium", "low": "Low", "informational": "Informational",
}  # fmt: skip
TACTICS = {"stealth": "DefenseEvasion", "defense-impairment": "DefenseEvasion"}
"""Tactics that Sentinel knows by the name they had before ATT&CK 19."""
EVERY = {"high": 3_600, "critical": 3_600, "medium": 3_600, "low": 86_400, "informational": 86_400}
"""Seconds between runs."""
LONGEST = 14 * 86_400
"""Sentinel looks back no further."""
MOST_ENTITIES = 5
NAMESPACE = uuid.UUID("6f1c1f5e-5d0b-4b3e-9a53-2f8f0f6f2f11")

Mapped = tuple[str, str]
ENTITIES: Mapping[EntityKind, Mapped] = {
    "host": ("Host", "FullName"), "account": ("Account", "FullName"), "ip": ("IP", "Address"),
    "url": ("URL", "Url"), "domain": ("DNS", "DomainName"), "file": ("File", "Name"),
    "resource": ("AzureResource", "ResourceId"), "registry_key": ("RegistryKey", "Key"),
}  # fmt: skip
NOT_NAMES = ("Sid", "ObjectId", "DisplayName", "Id_g", "DeviceId", "UserId", "FileName_s")
"""Ends of columns that hold something else than the identifier that Sentinel asks for."""


class _Block(str):
    """Text that stands in the file as it is, line by line."""


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(
    _Block, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")
)


def sentinel_yaml(rule: CompiledRule, kql: str, schema: TableSchema, catalog: AttackCatalog) -> str:
    """Return the analytics rule; `kql` is the rule's query, and `schema` its table as policy allows it."""
    period = min(max(_span(rule), EVERY[rule.level]), LONGEST)
    content = {
        "id": _id(rule),
        "name": rule.title,
        "description": _Block(_description(rule)),
        "severity": SEVERITY[rule.level],  # type: ignore[index]
        "status": "Available",
        "queryFrequency": _duration(min(EVERY[rule.level], period)),
        "queryPeriod": _duration(period),
        "triggerOperator": "gt",
        "triggerThreshold": 0,
        "tactics": _tactics(rule, catalog),
        "relevantTechniques": [catalog.before_the_split(id) for id in techniques_of(rule.tags)],
        "query": _Block(kql + "\n"),
        "entityMappings": list(_entities(rule, schema)),
        "version": "1.0.0",
        "kind": "Scheduled",
    }
    kept = {name: value for name, value in content.items() if value != []}
    return yaml.dump(kept, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000)


def _id(rule: CompiledRule) -> str:
    try:
        return str(uuid.UUID(rule.id))
    except ValueError:
        return str(uuid.uuid5(NAMESPACE, rule.id))


def _description(rule: CompiledRule) -> str:
    benign = f"\nBenign when: {'; '.join(rule.false_positives)}." if rule.false_positives else ""
    source = ", ".join(filter(None, (rule.author, rule.license)))
    return f"{rule.description.strip() or rule.title}{benign}" + (f"\nRule by {source}.\n" if source else "\n")


def _span(rule: CompiledRule) -> int:
    return int(rule.correlation["seconds"]) if rule.correlation else 0


def _duration(seconds: int) -> str:
    """Return whole days, hours or minutes, rounded up."""
    for unit, size in (("d", 86_400), ("h", 3_600)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{max(5, -(-seconds // 60))}m"


def _tactics(rule: CompiledRule, catalog: AttackCatalog) -> list[str]:
    shorts = tactics_of(rule.tags) or tuple(_of_techniques(rule, catalog))
    known = [short for told in shorts for short in catalog.tactics(told)]
    names = [TACTICS.get(short) or "".join(word.capitalize() for word in short.split("-")) for short in known]
    return list(dict.fromkeys(names))


def _of_techniques(rule: CompiledRule, catalog: AttackCatalog) -> Iterator[str]:
    for id in techniques_of(rule.tags)[:1]:
        technique = catalog.current(id)
        yield from technique.tactics[:1] if technique is not None else ()


def _entities(rule: CompiledRule, schema: TableSchema) -> Iterator[dict[str, Any]]:
    """Yield one mapping for each kind of thing: the most direct column, the subject's own first."""
    subject = field_map().subjects[schema.name]
    names = dict.fromkeys([*subject.fields, *subject.actors, *schema.columns])
    allowed = set(rule.correlation["group_by"]) if rule.correlation else set(schema.columns)
    taken: set[str] = set()
    for name in names:
        column = schema.columns.get(name)
        kind = column.entity if column is not None and column.type == "string" else None
        if kind is None or kind not in ENTITIES or kind in taken:
            continue
        if name in allowed and not name.endswith(NOT_NAMES):
            taken.add(kind)
            entity, identifier = ENTITIES[kind]
            yield {"entityType": entity, "fieldMappings": [{"identifier": identifier, "columnName": name}]}
        if len(taken) == MOST_ENTITIES:
            return
