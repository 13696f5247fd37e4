"""A report as a STIX 2.1 bundle: what was found, of what kind, seen in what, for whom."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import stix2

from soc_analyst.state.entities import Entity
from soc_analyst.state.errors import OperatorError
from soc_analyst.state.findings import Finding
from soc_analyst.state.report import Report

from .indicator_kinds import IndicatorKind, kind_of

__all__ = ["TLP", "as_stix"]

NAMESPACE = uuid.UUID("6d8cbb4e-5c0b-5b0e-9d3f-3c9c2f1f4a10")
"""Ours: the same finding gets the same ids whenever it is exported."""
TLP: Mapping[str, Any] = {
    "clear": stix2.TLP_WHITE,
    "white": stix2.TLP_WHITE,
    "green": stix2.TLP_GREEN,
    "amber": stix2.TLP_AMBER,
    "red": stix2.TLP_RED,
}
CONFIDENCE = {"High": 85, "Medium": 50, "Low": 15}
"""On STIX's scale of 0 to 100, as its appendix on confidence maps the three words."""
PATTERNS: Mapping[IndicatorKind, str] = {
    "ipv4": "[ipv4-addr:value = '{}']",
    "ipv6": "[ipv6-addr:value = '{}']",
    "url": "[url:value = '{}']",
    "domain": "[domain-name:value = '{}']",
    "email": "[email-addr:value = '{}']",
    "md5": "[file:hashes.MD5 = '{}']",
    "sha1": "[file:hashes.'SHA-1' = '{}']",
    "sha256": "[file:hashes.'SHA-256' = '{}']",
}
HASH_NAMES = {32: "MD5", 40: "SHA-1", 64: "SHA-256"}


def as_stix(report: Report, *, tlp: str = "") -> str:
    """Return the bundle as JSON; `tlp` is clear, green, amber or red, or empty for no marking."""
    if tlp and tlp.casefold() not in TLP:
        raise OperatorError("takes clear, green, amber or red", where="--tlp")
    return json.dumps(json.loads(_Bundle(report, tlp.casefold()).made().serialize()), indent=2) + "\n"


class _Bundle:
    """The objects of one report. Ids and times come from the report alone, so that an export is the same each time."""

    def __init__(self, report: Report, tlp: str) -> None:
        self.report = report
        self.now = max((finding.time for finding in report.findings), default=report.window.end)
        self.marking = TLP[tlp] if tlp else None
        self.marks: dict[str, Any] = {} if self.marking is None else {"object_marking_refs": [self.marking["id"]]}
        self.common: dict[str, Any] = {"created": self.now, "modified": self.now, **self.marks}
        self.identity = stix2.Identity(
            id=_id("identity", "soc-analyst"), name="soc-analyst", identity_class="system", **self.common
        )
        self.common["created_by_ref"] = self.identity["id"]

    def made(self) -> Any:
        told = {one["id"]: one for finding in self.report.findings for one in self._of(finding)}
        objects = [self.identity, *told.values()]
        objects.append(
            stix2.Report(
                id=_id("report", self.report.thread_id, self.report.question),
                name=self.report.question[:250] or "Investigation",
                description=self.report.summary,
                published=self.now,
                report_types=["threat-report"],
                object_refs=[one["id"] for one in objects],
                **self.common,
            )
        )
        if self.marking is not None:
            objects.append(self.marking)
        return stix2.Bundle(id=_id("bundle", self.report.thread_id, self.report.question), objects=objects)

    def _of(self, finding: Finding) -> Iterator[Any]:
        seen, hosts = list(_things(finding.entities, self.marks)), list(self._hosts(finding.entities))
        yield from (*seen, *hosts)
        observed = self._observed(finding, seen)
        technique = self._technique(finding)
        yield from (one for one in (observed, technique) if one is not None)
        if technique is not None and (observed is not None or hosts):
            yield self._sighting(finding, technique, observed, hosts)
        for value in finding.indicators_of_compromise:
            yield from self._indicator(value, finding, technique)

    def _hosts(self, entities: Iterable[Entity]) -> Iterator[Any]:
        """Yield the hosts, which STIX knows as systems that something was sighted on."""
        names = dict.fromkeys(entity.value for entity in entities if entity.kind == "host")
        for name in names:
            yield stix2.Identity(
                id=_id("identity", "host", name.casefold()), name=name, identity_class="system", **self.common
            )

    def _observed(self, finding: Finding, seen: list[Any]) -> Any:
        if not seen:
            return None
        return stix2.ObservedData(
            id=_id("observed-data", finding.id),
            first_observed=_first(finding),
            last_observed=_last(finding),
            number_observed=max(1, len(finding.evidence)),
            object_refs=[one["id"] for one in seen],
            confidence=CONFIDENCE[finding.confidence],
            **self.common,
        )

    def _sighting(self, finding: Finding, technique: Any, observed: Any, hosts: list[Any]) -> Any:
        more = {} if observed is None else {"observed_data_refs": [observed["id"]]}
        where = {"where_sighted_refs": [one["id"] for one in hosts]} if hosts else {}
        return stix2.Sighting(
            id=_id("sighting", finding.id, technique["id"]),
            sighting_of_ref=technique["id"],
            description=finding.title,
            first_seen=_first(finding),
            last_seen=_last(finding),
            count=max(1, len(finding.evidence)),
            confidence=CONFIDENCE[finding.confidence],
            **more,
            **where,
            **self.common,
        )

    def _technique(self, finding: Finding) -> Any:
        mitre = finding.mitre
        if not mitre.id:
            return None
        path = mitre.id.replace(".", "/")
        return stix2.AttackPattern(
            id=_id("attack-pattern", mitre.id),
            name=mitre.sub_technique or mitre.technique or mitre.id,
            external_references=[
                {
                    "source_name": "mitre-attack",
                    "external_id": mitre.id,
                    "url": f"https://attack.mitre.org/techniques/{path}",
                }
            ],
            **self.common,
        )

    def _indicator(self, value: str, finding: Finding, technique: Any) -> Iterator[Any]:
        pattern = PATTERNS.get(kind_of(value))
        if pattern is None:
            return
        indicator = stix2.Indicator(
            id=_id("indicator", value, finding.id),
            name=value[:250],
            description=finding.title,
            pattern=pattern.format(value.replace("\\", "\\\\").replace("'", "\\'")),
            pattern_type="stix",
            valid_from=finding.time,
            indicator_types=["malicious-activity" if finding.confidence == "High" else "anomalous-activity"],
            confidence=CONFIDENCE[finding.confidence],
            **self.common,
        )
        yield indicator
        if technique is not None:
            yield stix2.Relationship(
                id=_id("relationship", indicator["id"], technique["id"]),
                source_ref=indicator["id"],
                target_ref=technique["id"],
                relationship_type="indicates",
                **self.common,
            )


def _things(entities: Iterable[Entity], marks: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the observables that entities are; what STIX has no object for is left out."""
    told: set[str] = set()
    for entity in entities:
        made = _thing(entity, marks)
        if made is not None and made["id"] not in told:
            told.add(made["id"])
            yield made


def _thing(entity: Entity, marks: Mapping[str, Any]) -> Any:
    value = entity.value
    if entity.kind == "ip":
        kind = kind_of(value)
        return (
            {"ipv4": stix2.IPv4Address, "ipv6": stix2.IPv6Address}[kind](value=value, **marks)
            if kind in ("ipv4", "ipv6")
            else None
        )
    if entity.kind == "account":
        return stix2.UserAccount(account_login=value, **marks)
    if entity.kind == "domain":
        return stix2.DomainName(value=value, **marks)
    if entity.kind == "url":
        return stix2.URL(value=value, **marks)
    if entity.kind == "hash" and len(value) in HASH_NAMES:
        return stix2.File(hashes={HASH_NAMES[len(value)]: value}, **marks)
    if entity.kind in ("file", "process"):
        name = value.replace("\\", "/").rsplit("/", 1)[-1]
        return stix2.File(name=name, **marks) if name else None
    if entity.kind == "registry_key":
        return stix2.WindowsRegistryKey(key=value, **marks)
    return None


def _first(finding: Finding) -> datetime:
    return min((ref.time for ref in finding.evidence if ref.time), default=finding.time)


def _last(finding: Finding) -> datetime:
    return max((ref.time for ref in finding.evidence if ref.time), default=finding.time)


def _id(kind: str, *parts: str) -> str:
    return f"{kind}--{uuid.uuid5(NAMESPACE, chr(10).join((kind, *parts)))}"
