"""A hunt that dies between a step's writes and its checkpoint goes on as if that step had ended."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from soc_analyst import Context, ahunt
from soc_analyst.graph.hunting import aresume
from soc_analyst.state.errors import OperatorError
from soc_analyst.state.report import Report
from soc_analyst.tools.records.folder import DataDir

from ..graph.workspace import END, small

QUESTION = "Anything suspicious on host ws-1 in the last day?"


def told(report: Report) -> dict[str, Any]:
    return report.model_dump(include={"outcome", "summary", "rounds", "findings", "coverage", "hypotheses"})


@pytest.mark.slow
@pytest.mark.parametrize("checkpoint", [2, 3, 4, 5])
async def test_a_step_whose_checkpoint_was_not_written_is_not_taken_for_the_end(
    checkpoint: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context(workspace=str(small(tmp_path / "logs")), now=END, data_dir=tmp_path / "data", max_rounds=2)
    expected, put, puts = await ahunt(QUESTION, context=context, thread_id="whole"), AsyncSqliteSaver.aput, [0]

    async def full(*given: Any, **named: Any) -> Any:
        puts[0] += 1
        if puts[0] > checkpoint:
            raise OSError(errno.ENOSPC, "No space left on device")
        return await put(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(AsyncSqliteSaver, "aput", full)
        with pytest.raises(OperatorError, match=r"No space left.*soc-analyst resume case-1"):
            await ahunt(QUESTION, context=context, thread_id="case-1")
    data = DataDir(context.data_dir)
    report = await (
        aresume("case-1", data_dir=data)
        if data.folder("case-1").header() is not None
        else ahunt(QUESTION, context=context, thread_id="case-1")
    )
    assert told(report) == told(expected)
    assert [query.id for query in report.queries] == [query.id for query in expected.queries]
