"""What makes findings again: each query returns exactly the rows that its finding cites."""

from __future__ import annotations

import ast
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_analyst import Answer, Context, Report, aquery, query
from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.evidence.rows import row_json
from soc_analyst.tools.guard import check_text
from soc_analyst.tools.kql import parse
from soc_analyst.tools.logs.tables import load_tables
from soc_analyst.tools.records.formats import Format, rendered
from soc_analyst.tools.records.reproducing import Ground, Uncited, citations_of, ran_of
from tests.graph.workspace import END, process, write

from .hunted import Hunted, differing, hunted
from .test_reports import HOSTILE, report

GROUND = Ground()
OF_NOTEBOOKS = [
    "$$\\href{javascript:alert(1)}{x}$$ www.evil.example",
    "'''\nimport os\n",
    '"""',
    "\\",
    "&#104;ttp://e.example",
]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Hunted:
    return hunted(tmp_path_factory.mktemp("reproducing"))


async def test_a_query_returns_exactly_the_rows_that_a_finding_cites(case: Hunted) -> None:
    wrong, asked = await differing(case.report, case.ground, case.context)
    assert wrong == []
    assert asked >= len(case.report.findings) > 0


def cited(table: str, *rows: dict[str, Any]) -> Report:
    """Return a report with one finding that cites these rows."""
    made = report("x")
    finding = made.findings[0]
    refs = tuple(finding.evidence[0].model_copy(update={"table": table, "row": at}) for at in range(len(rows)))
    lines = tuple(row_json(row) for row in rows)
    told = finding.model_copy(update={"evidence": refs, "log_lines": lines})
    return made.model_copy(update={"findings": (told,)})


async def test_rows_that_differ_little_are_told_apart(tmp_path: Path) -> None:
    rows = [process(n // 4, "ws-1", f"cmd.exe /c {n % 3}", ReportId=n % 2 + 1, ProcessId=n) for n in range(24)]
    write(tmp_path / "logs", "DeviceProcessEvents", rows)
    context = Context(workspace=str(tmp_path / "logs"), data_dir=tmp_path / "home", now=END + timedelta(minutes=1))
    wrong, asked = await differing(cited("DeviceProcessEvents", *rows[::5]), GROUND, context)
    assert wrong == []
    assert asked == 1


async def test_a_text_too_long_for_the_guard_is_asked_in_parts(tmp_path: Path) -> None:
    rows = [process(n, "ws-1", f"cmd.exe {'x' * 900} {n}", ReportId=n) for n in range(40)]
    write(tmp_path / "logs", "DeviceProcessEvents", rows)
    context = Context(workspace=str(tmp_path / "logs"), data_dir=tmp_path / "home", now=END + timedelta(minutes=1))
    wrong, asked = await differing(cited("DeviceProcessEvents", *rows), GROUND, context)
    assert wrong == []
    assert asked > 1


def test_rows_of_a_table_that_policy_does_not_allow_are_named() -> None:
    told = cited("NoSuchTable", {"TimeGenerated": END, "A": "b"})
    (found,) = citations_of(told.findings[0], told, GROUND)
    assert isinstance(found, Uncited)
    assert "policy does not allow the table NoSuchTable" in rendered(told, Format.kql)
    assert "policy does not allow the table NoSuchTable" in rendered(told, Format.notebook)


async def test_rows_that_a_query_made_are_asked_by_that_query(tmp_path: Path) -> None:
    write(tmp_path / "logs", "DeviceProcessEvents", [process(n, f"ws-{n % 3}", "calc.exe") for n in range(9)])
    context = Context(workspace=str(tmp_path / "logs"), data_dir=tmp_path / "home", now=END + timedelta(minutes=1))
    counted = "DeviceProcessEvents | summarize Started = count() by DeviceName"
    ran = await aquery(counted, context=context)
    of_one = next(row for row in ran.rows if row["DeviceName"] == "ws-1.contoso.com")
    told = cited("DeviceProcessEvents (r1q1)", of_one)
    made = told.queries[0].model_copy(update={"table": "DeviceProcessEvents", "kql": ran.kql})
    wrong, asked = await differing(told.model_copy(update={"queries": (made,)}), GROUND, context)
    assert wrong == []
    assert asked == 1


def test_every_table_names_columns_that_it_has_as_its_identity() -> None:
    for schema in load_tables().values():
        assert set(schema.identity) <= schema.columns.keys()
        assert all(schema.columns[name].type in ("string", "long", "int") for name in schema.identity)


def test_the_pack_has_what_ran_and_what_it_proves(case: Hunted) -> None:
    pack = rendered(case.report, Format.kql, ground=case.ground)
    for one in case.report.queries:
        assert one.kql.rstrip() in pack
        assert f"// {one.id}, round {one.round}: {one.purpose}" in pack
    proving = {ref.query_id for finding in case.report.findings for ref in finding.evidence}
    assert pack.count("// proves ") >= len(proving) > 0
    bodies = [part for part in pack.split("\n\n") if not all(line.startswith("//") for line in part.splitlines())]
    for body in bodies:
        text = "\n".join(line for line in body.splitlines() if not line.startswith("//"))
        ran = ran_of(text)
        assert ran is not None, text
        assert parse(text).tree is not None


def test_a_canonical_text_is_taken_apart_and_bounded_again_alike(case: Hunted) -> None:
    from soc_analyst.tools.kql import render

    for one in case.report.queries:
        if ran := ran_of(one.kql):
            verdict = check_text(render(ran.query), policy=GROUND.policy, tables=GROUND.tables, window=ran.window)
            assert verdict.rendered is not None
            assert verdict.rendered.rsplit("| take", 1)[0] == one.kql.rsplit("| take", 1)[0]
    assert ran_of("") is None
    assert ran_of("SigninLogs | take 5") is None


@settings(max_examples=40, deadline=None)
@given(st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=200)))
def test_hostile_text_stays_a_comment_or_a_literal_in_the_pack(text: str) -> None:
    pack = rendered(hostile(text), Format.kql)
    plain = rendered(hostile("x"), Format.kql)
    assert len(re.findall(r"(?m)^//", pack)) == len(re.findall(r"(?m)^//", plain))
    assert "\u202e" not in pack


def hostile(text: str) -> Report:
    told = cited("DeviceProcessEvents", {**process(3, "ws-1", "cmd.exe"), "ProcessCommandLine": text})
    finding = told.findings[0].model_copy(update={"title": text, "description": text, "id": text})
    queries = tuple(one.model_copy(update={"kql": "", "purpose": text}) for one in told.queries)
    return told.model_copy(update={"findings": (finding,), "queries": queries, "question": text, "warnings": (text,)})


@settings(max_examples=40, deadline=None)
@given(st.one_of(st.sampled_from([*HOSTILE, *OF_NOTEBOOKS]), st.text(min_size=1, max_size=200)))
def test_hostile_text_is_no_code_and_no_markup_in_a_notebook(text: str) -> None:
    made = nbformat.reads(rendered(hostile(text), Format.notebook), as_version=4)
    plain = nbformat.reads(rendered(hostile("x"), Format.notebook), as_version=4)
    assert [cell.cell_type for cell in made.cells] == [cell.cell_type for cell in plain.cells]
    for cell, other in zip(made.cells, plain.cells, strict=True):
        if cell.cell_type == "code":
            assert cell.source.isascii()
            assert shape(cell.source) == shape(other.source)
        else:
            assert "://" not in cell.source.replace("\\://", "")
            assert not re.search(r"(?<!\\)(?:\\\\)*[$\[<]|www\.", cell.source)


def shape(source: str) -> str:
    """Return the code without the texts in it."""
    return re.sub(r"Constant\(value=.*?\)(?=[,)\]])", "Constant()", ast.dump(Cleared().visit(ast.parse(source))))


class Cleared(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("") if isinstance(node.value, str) else node


def test_a_notebook_runs_and_reproduces_the_report(case: Hunted) -> None:
    made = nbformat.reads(rendered(case.report, Format.notebook, ground=case.ground), as_version=4)
    names: dict[str, Any] = {}
    home = str(case.context.data_dir)
    for cell in made.cells:
        if cell.cell_type == "code":
            source = cell.source.replace("Context(workspace", f"Context(data_dir={home!r}, workspace")
            exec(compile(source, "cell", "exec"), names)
    assert [one[-1] for one in names["checks"]] == ["reproduced"] * len(names["checks"])
    assert len(names["checks"]) >= len(case.report.findings)


def test_a_workspace_without_the_rows_reproduces_nothing(case: Hunted, tmp_path: Path) -> None:
    write(tmp_path / "other", "DeviceProcessEvents", [process(n, "ws-9", "calc.exe") for n in range(3)])
    other = case.context.model_copy(update={"workspace": str(tmp_path / "other")})
    (found,) = citations_of(case.report.findings[0], case.report, case.ground)[:1]
    assert len(query(found.kql, context=other, since=found.window.start, until=found.window.end)) == 0


async def test_a_query_of_a_program_is_guarded(case: Hunted) -> None:
    refused = await aquery("SigninLogs | where Nothing == 1", context=case.context)
    assert not refused.allowed
    assert refused.diagnostics[0].code.startswith("unknown")
    assert "Refused by the guard" in repr(refused)
    with pytest.raises(OperatorError, match="since"):
        await aquery("SigninLogs", context=case.context, since="yesterday")


async def test_rows_are_shown_without_markup_or_live_links(tmp_path: Path) -> None:
    rows = [process(n, "ws-1", f"<script>alert(1)</script> http://evil.example/{n}") for n in range(30)]
    write(tmp_path / "logs", "DeviceProcessEvents", rows)
    context = Context(workspace=str(tmp_path / "logs"), data_dir=tmp_path / "home", now=END + timedelta(minutes=1))
    found: Answer = await aquery("DeviceProcessEvents", context=context)
    assert "http://evil" in found.rows[0]["ProcessCommandLine"]  # type: ignore[operator]
    for shown in (repr(found), found._repr_html_()):
        assert "http://" not in shown
        assert "30 rows, the first 20 shown" in shown
    assert "<script" not in found._repr_html_()
