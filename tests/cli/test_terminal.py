"""What a person sees of a report: in their order, within the width of the terminal, with and without colour."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from soc_analyst import Report, hunt
from soc_analyst.cli.terminal import show_report
from tests.cases.form import CASES, load
from tests.cases.play import context_of, written

HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202egpj.exe https://evil.example/a [red]b[/red]"


def shown(report: Report, width: int, *, coloured: bool = False) -> str:
    out = io.StringIO()
    color = "truecolor" if coloured else None
    show_report(report, Console(file=out, width=width, highlight=False, force_terminal=coloured, color_system=color))
    return out.getvalue()


def hunted(name: str, folder: Path) -> Report:
    case = load(CASES / name)
    written(case, folder / "logs")
    return hunt(case.question, context=context_of(case, folder), thread_id="case-1")


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return hunted("pivot-second-factor-then-consent", tmp_path_factory.mktemp("attack"))


@pytest.mark.parametrize("width", [80, 120, 200])
def test_no_line_is_wider_than_the_terminal(attack: Report, width: int) -> None:
    assert max(cell_len(line.rstrip()) for line in shown(attack, width).splitlines()) <= width


@pytest.mark.parametrize("width", [80, 200])
def test_the_verdict_comes_first_and_stands_again_above_the_prompt(attack: Report, width: int) -> None:
    lines = [line for line in shown(attack, width).splitlines() if line.strip()]
    first = next(finding for finding in attack.findings if finding.confidence != "Low")
    at = {
        part: next(n for n, line in enumerate(lines) if part in line)
        for part in ("CONFIRMED", "Incident", f"─  {first.confidence}  ", "Queries", "Coverage in the window")
    }
    assert list(at.values()) == sorted(at.values())
    assert any("CONFIRMED" in line and "case-1" in line for line in lines[-6:])
    assert f"soc-analyst report {attack.thread_id} --format html" in " ".join(lines[-3:])


def test_all_is_said_in_words_where_there_is_no_colour(attack: Report) -> None:
    plain, coloured = shown(attack, 120), shown(attack, 120, coloured=True)
    assert "\x1b" not in plain and "\x1b[" in coloured
    assert "CONFIRMED" in plain
    for finding in [one for one in attack.findings if one.confidence != "Low"][:3]:
        assert f" {finding.confidence} " in plain


def test_statements_that_were_checked_are_items_of_their_own(attack: Report) -> None:
    finding = next(one for one in attack.findings if sum(bool(claim.rule) for claim in one.claims) > 1)
    only = attack.model_copy(update={"findings": (finding,), "incidents": ()})
    text = " ".join(shown(only, 200).split())
    for claim in (one for one in finding.claims if one.rule):
        assert claim.statement.partition(": ")[2][:20] in text


def test_hostile_text_neither_redraws_nor_links(attack: Report) -> None:
    finding = attack.findings[0].model_copy(update={"title": HOSTILE, "description": HOSTILE, "notes": HOSTILE})
    hostile = attack.model_copy(update={"question": HOSTILE, "summary": HOSTILE, "findings": (finding,)})
    text = shown(hostile, 120)
    assert not {"\x1b", "\x07", "\u202e"} & set(text)
    assert "https://evil.example" not in text and "hxxps://evil[.]example/a [red]b[/red]" in " ".join(text.split())


def test_many_queries_are_told_by_round_and_what_went_wrong_by_name(attack: Report) -> None:
    query = attack.queries[0]
    many = [query.model_copy(update={"id": f"r1q{n}", "purpose": f"purpose {n}"}) for n in range(1, 30)]
    many[4] = many[4].model_copy(update={"status": "failed", "purpose": "the broken one"})
    text = shown(attack.model_copy(update={"queries": tuple(many)}), 120)
    assert "the broken one" in text and "purpose 9" not in text
    assert "29" in next(line for line in text.splitlines() if line.strip().startswith("1 "))


def test_where_nobody_could_look_the_blind_spots_are_told(tmp_path: Path) -> None:
    report = hunted("window-before-the-logs", tmp_path)
    text = shown(report, 80)
    assert "COULD NOT LOOK" in text and "no findings" in text
    assert all(entry.table in text for entry in report.coverage)


def test_a_finding_is_told_without_what_stands_elsewhere_or_reads_alike(attack: Report) -> None:
    first = next(one for one in attack.findings if one.confidence != "Low")
    rows = {"evidence": (*first.evidence[:1],) * 3, "log_lines": (*first.log_lines[:1],) * 3}
    notes = "Benign when: a. Why: b. One story with “Another act”; “A third” and 4 more."
    told = shown(attack.model_copy(update={"findings": (first.model_copy(update={"notes": notes, **rows}),)}), 160)
    assert ", 3 times" in told and "more in the report" not in told
    assert "Another act" not in told and "(high, soc-analyst)" not in told


def test_tables_of_which_the_same_is_missing_are_told_in_a_line(attack: Report) -> None:
    entry = attack.coverage[0].model_copy(update={"rows_in_window": 0, "first": None, "last": None, "note": "no rows"})
    named = ("DeviceFileEvents", "DeviceLogonEvents")
    empty = tuple(entry.model_copy(update={"table": table}) for table in named)
    text = shown(attack.model_copy(update={"coverage": (*attack.coverage[:1], *empty)}), 120)
    assert " DeviceFileEvents, DeviceLogonEvents: no rows" in text
