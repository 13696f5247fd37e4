"""Each rule of the tables of hosts fires on the rows that its file in `rows` says, and not on their look-alikes."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

import pyarrow as pa
import pytest

from soc_analyst.tools.detections import detect
from soc_analyst.tools.evidence import Evidence, TableRows

from .pack import HOSTS, NAMES, ROWS_FOLDER, of_table, read, rule

PROVED = [f"{path.parent.name}/{path.stem}" for path in sorted(ROWS_FOLDER.glob("*/*.yaml"))]
KINDS = ("fires", "silent")


@cache
def proof_of(name: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows that prove a rule."""
    found: dict[str, list[dict[str, Any]]] = read(ROWS_FOLDER / f"{name}.yaml")
    return found


@cache
def fired(table: str) -> frozenset[tuple[str, str, int]]:
    """Return (rule, "fires" or "silent", row) of each row of a table's proofs on which its own rule fired.

    Each row stands on a host of its own, so that every detection cites it.
    """
    places = [(name, kind, n) for name in PROVED if name.startswith(f"{table}/")
              for kind in KINDS for n in range(len(proof_of(name)[kind]))]  # fmt: skip
    rows = [proof_of(name)[kind][n] for name, kind, n in places]
    columns: dict[str, list[Any]] = {
        key: [row.get(key) for row in rows] for key in sorted({k for r in rows for k in r})
    }
    columns["DeviceName"] = [row.get("DeviceName", f"host{n}") for n, row in enumerate(rows)]
    columns["TimeGenerated"] = [datetime(2026, 3, 4, tzinfo=UTC)] * len(rows)
    found = detect(Evidence([TableRows.collect(table, [("q1", pa.table(columns))])]), rules=of_table(table))
    cited = {(each.rule.id, ref.row) for each in found for ref in each.rows}
    return frozenset(place for at, place in enumerate(places) if (rule(place[0])["id"], at) in cited)


def test_every_proof_is_of_a_rule_and_every_rule_of_hosts_has_one() -> None:
    assert set(PROVED) <= set(NAMES)
    assert [name for name in NAMES if name.startswith(HOSTS) and name not in set(PROVED)] == []


@pytest.mark.parametrize("name", PROVED)
def test_a_rule_fires_on_its_rows_and_is_silent_on_what_looks_like_them(name: str) -> None:
    proof = proof_of(name)
    assert proof["fires"] and proof["silent"]
    own = fired(name.partition("/")[0])
    missed = [n for n in range(len(proof["fires"])) if (name, "fires", n) not in own]
    loud = [n for n in range(len(proof["silent"])) if (name, "silent", n) in own]
    assert (missed, loud) == ([], [])
