"""What a product said of its own alert leads: its title, its techniques, and the things it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.state.entities import Entity, EntityKind
from soc_analyst.state.findings import Detection, EvidenceRef
from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.evidence import Evidence

__all__ = ["ALERTS", "alert_title", "as_their_product_tells"]

ALERTS = ("AlertInfo", "AlertEvidence")
TECHNIQUE = re.compile(r"\bT\d{4}(?:\.\d{3})?\b")
NAME = re.compile(r"[^\[\]\",;]+")
THINGS: tuple[tuple[str, EntityKind], ...] = (
    ("DeviceName", "host"), ("AccountUpn", "account"), ("AccountName", "account"), ("RemoteIP", "ip"),
    ("RemoteUrl", "url"), ("FileName", "file"), ("SHA256", "hash"), ("Application", "resource"),
)  # fmt: skip
MOST_OF_A_KIND = 3
Row = Mapping[str, object]


def as_their_product_tells(
    detections: Iterable[Detection], evidence: Evidence, catalog: AttackCatalog
) -> Iterator[Detection]:
    """Yield the detections, those on alerts with the techniques and the things that the alerts name themselves."""
    for detection in detections:
        alerts = _alert_ids(detection.rows, evidence)
        if not alerts:
            yield detection
            continue
        rows = [row for table in ALERTS for row in _of_alerts(evidence, table, alerts)]
        own = tuple(dict.fromkeys(id for row in rows for id in _techniques(row, catalog)))
        titles = {str(row["Title"]).casefold() for row in rows if row.get("Title")}
        named = [e for e in detection.entities if e.kind != "resource" or e.value.casefold() not in titles]
        things = tuple(dict.fromkeys([*named, *_things(rows)]))
        yield detection.model_copy(update={"techniques": own or detection.techniques, "entities": things})


def alert_title(refs: Sequence[EvidenceRef], evidence: Evidence) -> str:
    """Return the title and severity of the alert that the first row is of, or nothing where it is of none."""
    alerts = _alert_ids(refs[:1], evidence)
    rows = [row for table in ALERTS for row in _of_alerts(evidence, table, alerts)] if alerts else []
    title = next((str(row["Title"]) for row in rows if row.get("Title")), "")
    severity = next((str(row["Severity"]) for row in rows if row.get("Severity")), "")
    return f"{title} ({severity.lower()} alert)" if title and severity else title


def _alert_ids(refs: Sequence[EvidenceRef], evidence: Evidence) -> frozenset[str]:
    """Return the alerts that these rows are of; none where a row is of another table."""
    if not refs or any(ref.table not in ALERTS for ref in refs):
        return frozenset()
    ids = (str((evidence.row(ref) or {}).get("AlertId") or "") for ref in refs)
    return frozenset(id for id in ids if id)


def _of_alerts(evidence: Evidence, table: str, alerts: frozenset[str]) -> list[dict[str, object]]:
    known = evidence.get(table)
    if known is None or "AlertId" not in known.rows.column_names:
        return []
    wanted = pc.is_in(known.rows["AlertId"].cast(pa.string()), value_set=pa.array(sorted(alerts), pa.string()))
    found: list[dict[str, object]] = known.rows.filter(wanted).to_pylist()
    return found


def _techniques(row: Row, catalog: AttackCatalog) -> Iterator[str]:
    """Yield the techniques that an alert names, by their ids or else by their names."""
    for said in NAME.findall(str(row.get("AttackTechniques") or "")):
        ids = TECHNIQUE.findall(said) or [id for id in (catalog.named(said),) if id]
        yield from (now.id for id in ids if (now := catalog.current(id)) is not None)


def _things(rows: Sequence[Row]) -> Iterator[Entity]:
    for column, kind in THINGS:
        values = dict.fromkeys(str(row[column]) for row in rows if row.get(column))
        yield from (Entity(kind=kind, value=value) for value in list(values)[:MOST_OF_A_KIND])
