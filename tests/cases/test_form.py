"""A case that does not keep to the form says which file, where, and what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from .form import CLOCK, MalformedCase, ago, load
from .office import ordinary_days
from .rows import whole

CASE = """
about: An example.
source: https://attack.mitre.org/
kind: attack
question: Anything?
expect: {outcome: confirmed, findings: [{technique: T1059, cites: here}]}
"""
ROW = "DeviceProcessEvents: [{at: -5m, mark: %s, host: ws-1, runs: calc.exe}]\n"


def case(folder: Path, text: str, mark: str = "here") -> Path:
    (folder / "case.yaml").write_text(text)
    (folder / "rows.yaml").write_text(ROW % mark)
    return folder


def test_rows_and_expectations_are_read(tmp_path: Path) -> None:
    read = load(case(tmp_path, CASE))
    assert read.expect.findings[0].technique == ("T1059",) and read.marks == {"here"}


@pytest.mark.parametrize(
    ("text", "mark", "said"),
    [
        (CASE, "elsewhere", "no row carries the mark 'here'"),
        (CASE.replace("about", "abuot"), "here", "abuot"),
        (CASE.replace("confirmed", "certain"), "here", "expect.outcome"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, mark: str, said: str) -> None:
    with pytest.raises(MalformedCase, match=said) as caught:
        load(case(tmp_path, text, mark))
    assert "case.yaml" in str(caught.value)


@pytest.mark.parametrize("at", ["-", "5m", "-5w", "yesterday"])
def test_a_time_is_told_before_the_clock(at: str) -> None:
    with pytest.raises(MalformedCase, match="before the clock"):
        ago(at)


def test_a_short_name_that_no_table_knows_is_refused() -> None:
    with pytest.raises(MalformedCase, match="colour"):
        list(whole("SigninLogs", {"at": "-5m", "user": "amara", "colour": "red"}, CLOCK))


def test_repeated_rows_take_values_in_turn() -> None:
    row = {"at": "-5m", "user": "amara", "repeat": {"times": 3, "every": "30s"}, "each": {"code": [0, 50126]}}
    rows = list(whole("SigninLogs", row, CLOCK))
    assert [one["ResultType"] for one in rows] == ["0", "50126", "0"]
    assert len({one["TimeGenerated"] for one in rows}) == 3


def test_the_same_seed_makes_the_same_office() -> None:
    assert ordinary_days(1, CLOCK) == ordinary_days(1, CLOCK) != ordinary_days(2, CLOCK)
