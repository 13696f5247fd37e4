"""The techniques of a report as a layer of the ATT&CK Navigator."""

from __future__ import annotations

import json
from collections.abc import Iterator

from soc_analyst.state.findings import Finding
from soc_analyst.state.report import Report
from soc_analyst.tools.attack import AttackCatalog

from .safe_text import defanged, printable

__all__ = ["as_navigator"]

LAYER, NAVIGATOR = "4.5", "5.1.0"
"""Versions of the layer's form and of the Navigator that reads it."""
SCORES = {"High": 100, "Medium": 60, "Low": 20}
COLORS = ["#ffe9a8", "#f59e0b", "#b91c1c"]
COMMENT = 2_000


def as_navigator(report: Report) -> str:
    """Return a layer: each technique scored by its surest finding, with all its findings as the comment."""
    layer = {
        "name": f"soc-analyst {report.thread_id}",
        "versions": {"attack": report.attack_version.split(".")[0], "navigator": NAVIGATOR, "layer": LAYER},
        "domain": "enterprise-attack",
        "description": _plain(f"{report.question} · {report.outcome}"),
        "sorting": 3,
        "techniques": list(_techniques(report)),
        "gradient": {"colors": COLORS, "minValue": 0, "maxValue": 100},
        "legendItems": [
            {"label": f"{name} confidence", "color": color}
            for name, color in zip(reversed(SCORES), COLORS, strict=True)
        ],
        "metadata": [
            {"name": "outcome", "value": report.outcome},
            {"name": "window", "value": f"{report.window.start.isoformat()} to {report.window.end.isoformat()}"},
        ],
        "showTacticRowBackground": False,
        "selectTechniquesAcrossTactics": True,
    }
    return json.dumps(layer, indent=2, ensure_ascii=False) + "\n"


def _techniques(report: Report) -> Iterator[dict[str, object]]:
    by_technique: dict[str, list[Finding]] = {}
    for finding in report.findings:
        if finding.mitre.id:
            by_technique.setdefault(finding.mitre.id, []).append(finding)
    known = AttackCatalog.bundled()
    for technique, findings in sorted(by_technique.items()):
        told = known.current(technique)
        yield {
            "techniqueID": technique,
            **({"tactic": told.tactics[0]} if told is not None and len(told.tactics) == 1 else {}),
            "score": max(SCORES[finding.confidence] for finding in findings),
            "comment": _plain("; ".join(f"{one.title} ({one.confidence})" for one in findings))[:COMMENT],
            "enabled": True,
            "showSubtechniques": "." not in technique,
        }


def _plain(text: str) -> str:
    return printable(defanged(text)).replace("\n", " ")
