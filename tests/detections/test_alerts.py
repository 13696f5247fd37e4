"""A detection on alerts alone is no graver than their product said."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from soc_analyst.tools.detections import detect, load_rules
from soc_analyst.tools.evidence import Evidence, TableRows

TIME = datetime(2026, 3, 4, tzinfo=UTC)
RULES = load_rules()


def levels(*severities: str, known: bool = True) -> set[str]:
    """Return the levels of what alerts of these severities raise, each with a piece of evidence that looks grave."""
    ids = [f"a{i}" for i in range(len(severities))]
    title = "Ransomware behavior and LSASS credential theft"
    info = {"TimeGenerated": [TIME] * len(ids), "AlertId": ids, "Severity": list(severities)}
    info |= {"Title": [title] * len(ids), "Category": ["CredentialAccess"] * len(ids)}
    proof = {"TimeGenerated": [TIME] * len(ids), "AlertId": ids if known else [""] * len(ids)}
    proof |= {"Categories": ['["CredentialAccess"]'] * len(ids), "DeviceName": ["pc1"] * len(ids)}
    tables = {"AlertInfo": info, "AlertEvidence": proof}
    case = Evidence([TableRows.collect(name, [("q", pa.table(rows))]) for name, rows in tables.items()])
    return {found.rule.level for found in detect(case, rules=RULES) if found.rows[0].table == "AlertEvidence"}


@pytest.mark.parametrize(
    ("severities", "gravest"),
    [
        (["High"], "high"),
        (["Medium"], "medium"),
        (["Low"], "low"),
        (["Informational"], "low"),
        (["Low", "Medium"], "medium"),
        (["Low", "High"], "high"),
    ],
)
def test_the_word_of_the_product_is_the_most(severities: list[str], gravest: str) -> None:
    assert gravest in levels(*severities)
    order = ["informational", "low", "medium", "high", "critical"]
    assert max(levels(*severities), key=order.index) == gravest


def test_evidence_of_an_alert_that_is_not_at_hand_keeps_its_level() -> None:
    assert "high" in levels("Low", known=False)
