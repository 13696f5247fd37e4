"""The look at earlier days: a few counts through the guard, asked once a case, over the real engine."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from soc_analyst.graph.context import Context
from soc_analyst.graph.desk.desk import Desk, open_desk
from soc_analyst.graph.looking.recalling import MOST_QUESTIONS, recalled, to_ask
from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.findings import Detection, Level, Rule
from soc_analyst.tools.evidence import Evidence, TableRows
from soc_analyst.tools.reasoning.by_rules.ordinary import weighed
from soc_analyst.tools.reasoning.past import Past
from soc_analyst.tools.records.cases import CaseFolder

NOW = datetime(2026, 3, 10, 2, tzinfo=UTC)
WINDOW = TimeWindow(start=NOW - timedelta(hours=12), end=NOW + timedelta(hours=12))
TABLE = "DeviceProcessEvents"
Row = dict[str, Any]


def process(host: str = "fs-1", days: int = 0, command: str = 'robocopy.exe "E:\\It\'s" F:\\Copy /LOG:run7') -> Row:
    return {
        "TimeGenerated": (NOW - timedelta(days=days)).isoformat(),
        "DeviceName": host,
        "FileName": "robocopy.exe",
        "ProcessCommandLine": command,
        "InitiatingProcessFileName": "svchost.exe",
        "InitiatingProcessAccountName": "svc-copy",
    }


def workspace_of(rows: list[Row], folder: Path) -> Path:
    folder.mkdir()
    (folder / f"{TABLE}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder


def signal(row: Row, level: Level = "medium", technique: str = "T1039") -> tuple[Detection, Evidence]:
    row = {**row, "TimeGenerated": datetime.fromisoformat(row["TimeGenerated"])}
    rows = TableRows.collect(TABLE, [("q1", pa.Table.from_pylist([row]))])
    rule = Rule(id="r", title="Rule", level=level)
    return Detection(rule=rule, statement="s", techniques=(technique,), rows=rows.refs([0])), Evidence([rows])


async def past_of(found: Detection, evidence: Evidence, desk: Desk, kept: CaseFolder | None = None) -> Past:
    return await recalled(await to_ask([found], evidence, desk), WINDOW, desk, desk.workspace, kept)


async def test_what_was_usual_before_the_window_is_found_in_the_whole_table(tmp_path: Path) -> None:
    rows = [process(days=n) for n in range(6)] + [process(f"fs-{n}", command="other.exe") for n in range(2, 9)]
    found, evidence = signal(rows[0])
    folder = workspace_of(rows, tmp_path / "logs")
    async with open_desk(Context(workspace=str(folder), data_dir=tmp_path / "home")) as desk:
        past = await past_of(found, evidence, desk)
    assert past.places == {TABLE: 8}
    assert weighed([found], evidence)[0].level == "medium"
    (low,) = weighed([found], evidence, past)
    assert low.level == "low"
    assert "a habit: such lines on 6 days" in low.notes[0]


async def test_a_question_is_asked_once_a_case(tmp_path: Path) -> None:
    found, evidence = signal(process())
    folder = workspace_of([process(days=n) for n in range(6)], tmp_path / "logs")
    kept = CaseFolder(tmp_path / "case")
    async with open_desk(Context(workspace=str(folder), data_dir=tmp_path / "home")) as desk:
        first = await past_of(found, evidence, desk, kept)
    emptied = workspace_of([process("other", command="x.exe")], tmp_path / "emptied")
    async with open_desk(Context(workspace=str(emptied), data_dir=tmp_path / "home")) as desk:
        again = await past_of(found, evidence, desk, kept)
        asked = await to_ask([found], evidence, desk)
        assert await recalled(asked, WINDOW, desk, None, kept) == first
        assert await recalled(asked, WINDOW, desk, None) == Past()
        fresh = await past_of(found, evidence, desk)
    assert again == first
    assert fresh.rows == {}


async def test_nothing_is_asked_for_what_could_not_be_lowered(tmp_path: Path) -> None:
    async with open_desk(Context(data_dir=tmp_path)) as desk:
        for found, evidence in (
            signal(process(), technique="T1003.001"),
            signal(process(), level="critical"),
            signal(process(command="powershell -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoA")),
        ):
            assert await to_ask([found], evidence, desk) == ()


async def test_however_much_fired_only_a_few_questions_are_asked(tmp_path: Path) -> None:
    rows = [process(command=f"tool{'x' * n}.exe /quiet") for n in range(40)]
    some = [signal(row) for row in rows]
    async with open_desk(Context(data_dir=tmp_path)) as desk:
        parts = TableRows.collect(TABLE, [("q1", pa.concat_tables(e.get(TABLE).rows for _, e in some))])  # type: ignore[union-attr]
        many = [found.model_copy(update={"rows": parts.refs([n])}) for n, (found, _) in enumerate(some)]
        asked = await to_ask(many, Evidence([parts]), desk)
    assert len(asked) == MOST_QUESTIONS
