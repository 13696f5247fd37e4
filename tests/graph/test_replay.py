"""A finished case comes out again from what was kept of it, and a changed file is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from soc_analyst import Context, ahunt
from soc_analyst.graph.concluding.replaying import replayed
from soc_analyst.state.errors import EvidenceError, OperatorError
from soc_analyst.tools.models.scripted import Asked, Reply, ScriptedServer
from soc_analyst.tools.records.cases import CaseFolder
from soc_analyst.tools.records.chain import digest_of
from soc_analyst.tools.records.folder import DataDir
from tests.graph.test_model_hunts import Model, workspace

from .workspace import END, small

QUESTION = "Anything suspicious on host ws-1 in the last day?"


@pytest.fixture
async def home(tmp_path: Path) -> DataDir:
    """A data folder with one finished case."""
    context = Context(workspace=str(small(tmp_path / "logs")), data_dir=tmp_path / "home")
    await ahunt(QUESTION, context=context, thread_id="case-1")
    return DataDir(tmp_path / "home")


async def test_the_same_claims_are_proved_with_the_logs_gone(home: DataDir, tmp_path: Path) -> None:
    for log in (tmp_path / "logs").iterdir():
        log.unlink()
    again = await replayed("case-1", data_dir=home)
    assert again.differs == () and again.claims > 0
    reported = json.loads((home.case("case-1") / "report.json").read_text())
    assert again.report.model_dump(mode="json") == reported


async def test_a_models_findings_come_from_its_recorded_answers(tmp_path: Path) -> None:
    context = Context(workspace=workspace(tmp_path / "logs"), data_dir=tmp_path / "home", now=END)
    with ScriptedServer(Model()) as server:
        asking = context.model_copy(update={"model": f"scripted@{server.url}"})
        report = await ahunt(QUESTION, context=asking, thread_id="case-1")
        asked = len(server.asked)
        again = await replayed("case-1", data_dir=DataDir(tmp_path / "home"))
        assert len(server.asked) == asked
    assert [one for one in report.findings if "by-model" in one.tags]
    assert again.differs == () and again.proved_again == 0
    assert again.report.findings == report.findings
    after = await replayed("case-1", data_dir=DataDir(tmp_path / "home"))  # and with the server gone
    assert after.differs == ()


class FewWords(Model):
    """Makes no claims, as the short form asks for few."""

    def __call__(self, asked: Asked) -> Reply:
        reply = super().__call__(asked)
        if isinstance(reply, dict) and "findings" in reply:
            return {**reply, "findings": [{**one, "claims": []} for one in reply["findings"]]}
        return reply


@pytest.mark.slow
async def test_a_case_of_a_model_with_a_small_context_comes_out_again(tmp_path: Path) -> None:
    limits = tmp_path / "limits.yaml"
    context = Context(workspace=workspace(tmp_path / "logs"), data_dir=tmp_path / "home", now=END, limits=limits)
    with ScriptedServer(FewWords()) as server:
        limits.write_text(f"models: {{'scripted@{server.url}': {{context: 2600, output: 600}}}}")
        asking = context.model_copy(update={"model": f"scripted@{server.url}"})
        report = await ahunt(QUESTION, context=asking, thread_id="case-1")
        asked = len(server.asked)
        again = await replayed("case-1", data_dir=DataDir(tmp_path / "home"))
        assert len(server.asked) == asked
    assert {name.partition("@")[0] for name in report.usage.prompts} >= {"plan_short", "analyse_short"}
    assert any("in few words" in line for line in report.warnings)
    assert [one for one in report.findings if "by-model" in one.tags]
    assert again.differs == () and again.proved_again == 0


async def test_a_models_findings_stand_on_their_claims_where_its_answers_are_gone(tmp_path: Path) -> None:
    context = Context(workspace=workspace(tmp_path / "logs"), data_dir=tmp_path / "home", now=END)
    with ScriptedServer(Model()) as server:
        asking = context.model_copy(update={"model": f"scripted@{server.url}"})
        report = await ahunt(QUESTION, context=asking, thread_id="case-1")
    forget_calls(CaseFolder(DataDir(tmp_path / "home").case("case-1")))
    again = await replayed("case-1", data_dir=DataDir(tmp_path / "home"))
    by_model = [one for one in report.findings if "by-model" in one.tags]
    assert again.differs == () and again.proved_again == len(by_model) == 1
    assert {one.id for one in again.report.findings} == {one.id for one in report.findings}


def forget_calls(case: CaseFolder) -> None:
    """Leave the case as if its model had been asked in words that are no longer used."""
    names = [link.name for link in case.chain.links() if not link.name.startswith("calls/")]
    shutil.rmtree(case.calls)
    case.chain.path.unlink()
    for name in names:
        case.chain.add(name, digest_of((case.path / name).read_bytes()))


async def test_a_paid_call_that_is_gone_is_named(tmp_path: Path) -> None:
    context = Context(workspace=workspace(tmp_path / "logs"), data_dir=tmp_path / "home", now=END)
    with ScriptedServer(Model()) as server:
        await ahunt(
            QUESTION, context=context.model_copy(update={"model": f"scripted@{server.url}"}), thread_id="case-1"
        )
    shutil.rmtree(DataDir(tmp_path / "home").case("case-1") / "calls")
    with pytest.raises(EvidenceError, match=r"calls/\w+.json is gone; and \d+ more"):
        await replayed("case-1", data_dir=DataDir(tmp_path / "home"))


def changed_query(home: DataDir) -> str:
    path = next((home.case("case-1") / "queries").iterdir())
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "rows": record["rows"] + 1}))
    return f"queries/{path.name} was changed"


def added_query(home: DataDir) -> str:
    folder = home.case("case-1") / "queries"
    (folder / f"{'0' * 32}.json").write_text(next(folder.iterdir()).read_text())
    return f"queries/{'0' * 32}.json was not written"


def changed_report(home: DataDir) -> str:
    path = home.case("case-1") / "report.json"
    path.write_text(path.read_text().replace('"confirmed"', '"benign"'))
    return "report.json was changed"


def changed_rows(home: DataDir) -> str:
    path = next((home.root / "evidence").glob("*/*.parquet"))
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    return f"{path.name} was changed"


def gone_text(home: DataDir) -> str:
    path = next((home.root / "evidence").glob("*/*.txt"))
    path.unlink()
    return f"{path.name} is gone"


def ledger_lines(home: DataDir) -> tuple[Path, list[dict[str, Any]]]:
    path = home.case("case-1") / "ledger.jsonl"
    return path, [json.loads(line) for line in path.read_text().splitlines()]


def rewritten_ledger(home: DataDir) -> str:
    path, links = ledger_lines(home)
    links[1]["digest"] = "1" * 64
    path.write_text("".join(json.dumps(link) + "\n" for link in links))
    return "line 2 "


def shortened_ledger(home: DataDir) -> str:
    path, links = ledger_lines(home)
    path.write_text("".join(json.dumps(link) + "\n" for link in links if link["number"] != 2))
    return "line 2 "


def ledger_gone(home: DataDir) -> str:
    ledger_lines(home)[0].unlink()
    return "ledger.jsonl is gone"


@pytest.mark.parametrize(
    "change",
    [
        changed_query, added_query, changed_report, changed_rows, gone_text,
        rewritten_ledger, shortened_ledger, ledger_gone,
    ],
)  # fmt: skip
async def test_a_changed_file_is_named(home: DataDir, change: Any) -> None:
    named = change(home)
    with pytest.raises(EvidenceError) as told:
        await replayed("case-1", data_dir=home)
    assert named in str(told.value)


async def test_a_query_whose_record_was_changed_is_run_again(home: DataDir, tmp_path: Path) -> None:
    changed_query(home)
    context = Context(workspace=str(tmp_path / "logs"), data_dir=home.root)
    await ahunt(QUESTION, context=context, thread_id="case-1")
    again = await replayed("case-1", data_dir=home)
    assert again.differs == ()


async def test_a_case_that_is_not_there_or_not_finished_is_said(home: DataDir) -> None:
    with pytest.raises(OperatorError, match="no such case"):
        await replayed("case-2", data_dir=home)
    (home.case("case-1") / "report.json").unlink()
    with pytest.raises(OperatorError, match="not finished"):
        await replayed("case-1", data_dir=home)
