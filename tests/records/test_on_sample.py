"""What a report of the sample tenant exports holds on the sample tenant."""

from __future__ import annotations

import asyncio
from pathlib import Path

import nbformat
import pytest
import yaml

from soc_analyst import Context, ahunt, aquery
from soc_analyst.graph.desk.grounds import ground_of
from soc_analyst.tools.records.folder import DataDir
from soc_analyst.tools.records.formats import Format, rendered
from soc_analyst.tools.records.sentinel_rules import analytics_rules

from .hunted import Hunted

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Hunted:
    context = Context(data_dir=tmp_path_factory.mktemp("sample"))
    told = asyncio.run(ahunt("Anything suspicious in the last two days?", context=context, thread_id="c-1"))
    return Hunted(context, told, ground_of("c-1", DataDir(context.data_dir)))


async def test_each_rule_fires_where_its_findings_were(case: Hunted) -> None:
    rules, without = analytics_rules(case.report, case.ground)
    quiet = []
    for rule in rules:
        text = yaml.safe_load(rule.text)
        window = case.report.window
        found = await aquery(text["query"], context=case.context, since=window.start, until=window.end)
        assert found.allowed, found.diagnostics
        if not len(found):
            quiet.append(text["name"])
    assert quiet == []
    assert len(rules) > 2
    assert {one.finding.id for one in without} | {f.id for rule in rules for f in rule.findings} == {
        finding.id for finding in case.report.confirmed
    }


def test_the_notebook_runs_in_a_kernel_and_reproduces_the_report(
    case: Hunted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbclient import NotebookClient

    monkeypatch.chdir(tmp_path)
    made = nbformat.reads(rendered(case.report, Format.notebook, ground=case.ground), as_version=4)
    NotebookClient(made, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    told = made.cells[-1].outputs[0].text.splitlines()
    count = len(told) - 1
    assert told[-1] == f"{count} of {count} queries returned exactly the rows that the report cites."
    assert count >= len(case.report.findings) > 20
    assert all(
        "text/html" in cell.outputs[0].data
        for cell in made.cells
        if cell.id.startswith("finding-") and "outputs" in cell
    )
