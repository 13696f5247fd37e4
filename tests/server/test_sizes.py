"""A broad hunt in the sample tenant: what its nodes write stays small, and holds no rows."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from pydantic_core import to_json

from soc_analyst import Context, build_graph

pytestmark = pytest.mark.slow

QUESTION = "Show suspicious PowerShell activity on host WS-123 in the last day"
MOST = {"planner": 48_000, "guardrail": 96_000, "executor": 48_000, "analyzer": 6_000, "reviewer": 6_000}
"""Bytes of an update; of the last two for each finding, since those are what they write."""


async def test_an_update_holds_handles_and_no_rows(tmp_path: Path) -> None:
    sizes: dict[str, int] = defaultdict(int)
    rows, kept = set[str](), []
    stream = build_graph().astream({"question": QUESTION}, context=Context(data_dir=tmp_path), stream_mode="updates")
    async for step in stream:
        for node, update in step.items():
            report = update.pop("report", None)
            rows |= {line for finding in report.findings for line in finding.log_lines} if report else set()
            text = to_json(update, fallback=str).decode()
            kept.append(text)
            share = len(update["findings"]) + 1 if node in ("analyzer", "reviewer") else 1
            sizes[node] = max(sizes[node], len(text) // share)
            assert len(update["did"]) < 500
    assert rows and set(sizes) == set(MOST)
    assert {node: size for node, size in sizes.items() if size > MOST[node]} == {}
    lines = [to_json(row).decode()[1:-1] for row in rows]
    assert not any(line in text for line in lines for text in kept)
