"""Confirmed findings as analytics rules: guarded, firing where the finding was, and named where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_analyst import aquery
from soc_analyst.cli.app import run
from soc_analyst.state.findings import Finding, Rule
from soc_analyst.state.report import Report
from soc_analyst.tools.records.formats import Format, rendered
from soc_analyst.tools.records.reproducing import Ground
from soc_analyst.tools.records.sentinel_rules import analytics_rules

from .hunted import Hunted, hunted
from .test_reports import HOSTILE, report

GROUND = Ground()


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Hunted:
    return hunted(tmp_path_factory.mktemp("rules"))


async def test_a_rule_fires_where_its_finding_was(case: Hunted) -> None:
    rules, _ = analytics_rules(case.report, case.ground)
    assert rules
    for rule in rules:
        told = yaml.safe_load(rule.text)
        window = case.report.window
        found = await aquery(told["query"], context=case.context, since=window.start, until=window.end)
        cited = {ref.time for finding in rule.findings for ref in finding.evidence}
        assert cited & {row["TimeGenerated"] for row in found.rows}, told["name"]


def test_one_stream_holds_them_all(case: Hunted) -> None:
    rules, _ = analytics_rules(case.report, case.ground)
    stream = rendered(case.report, Format.sentinel_rule, ground=case.ground)
    assert [one["name"] for one in yaml.safe_load_all(stream)] == [yaml.safe_load(one.text)["name"] for one in rules]
    assert all(f"# Of finding {one.id}" in stream for rule in rules for one in rule.findings)


def test_a_folder_gets_a_file_a_rule(case: Hunted, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home, out = str(case.context.data_dir), tmp_path / "rules"
    assert run(["report", "c-1", "--format", "sentinel-rule", "--out", str(out), "--data-dir", home]) == 0
    rules, _ = analytics_rules(case.report, case.ground)
    assert {path.name for path in out.iterdir()} == {f"{rule.name}.yaml" for rule in rules}
    assert f"{len(rules)} analytics rule" in capsys.readouterr().err
    assert all(yaml.safe_load(path.read_text())["kind"] == "Scheduled" for path in out.iterdir())


def resting_on(*rules: Rule) -> Report:
    made = report("x")
    finding: Finding = made.findings[0].model_copy(update={"detections": rules})
    return made.model_copy(update={"findings": (finding,)})


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ((), "it rests on no rule"),
        ((Rule(id="stat-x", title="Many", level="high"),), "“Many” is a statistic"),
        ((Rule(id="gone", title="Old", level="high"),), "“Old” is a rule that is not in force here"),
        ((Rule(id="gone", title="Faint", level="low"),), "“Faint” is a rule of low level"),
    ],
)
def test_a_finding_without_a_rule_is_named_with_the_reason(rules: tuple[Rule, ...], reason: str) -> None:
    written, without = analytics_rules(resting_on(*rules), GROUND)
    assert written == ()
    assert reason in without[0].line
    assert f"# No rule for f-1: x: {reason}" in rendered(resting_on(*rules), Format.sentinel_rule)


def test_only_what_is_confirmed_becomes_a_rule(case: Hunted) -> None:
    doubtful = case.report.model_copy(update={"outcome": "suspected"})
    told = rendered(doubtful, Format.sentinel_rule, ground=case.ground)
    assert told == "# No rules: the outcome is suspected, and rules are written of confirmed findings only.\n"


@settings(max_examples=30, deadline=None)
@given(st.one_of(st.sampled_from([*HOSTILE, "\n- a: b", "# x\ny: z"]), st.text(min_size=1, max_size=100)))
def test_hostile_text_stays_a_comment(text: str) -> None:
    assert list(yaml.safe_load_all(rendered(report(text), Format.sentinel_rule))) == []
