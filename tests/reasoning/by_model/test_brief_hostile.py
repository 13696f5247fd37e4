"""What a brief says of a row can be read in one way only, whatever the row holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from soc_analyst.tools.privacy import Pseudonyms
from soc_analyst.tools.reasoning.by_model.brief import Brief
from soc_analyst.tools.reasoning.by_model.brief.cells import Cells
from soc_analyst.tools.reasoning.by_model.brief.shortening import leaves_of
from soc_analyst.tools.reasoning.by_model.brief.times import lapse, moment, short_times
from soc_analyst.tools.reasoning.by_model.prompts import load_prompt, prompt_names

from .test_brief import START, brief_of, case_of

TABLE = "DeviceProcessEvents"
COLUMNS = ("DeviceName", "FileName", "InitiatingProcessFileName", "ProcessCommandLine")
MARKS = ["<>", "<*>", "<=>", "<1>", " <+3>", "<9 left out>", "\u2039\u203a", "-", '"', "", " ", "~", "x25", "+2h"]
LAYOUT = [
    "\n## detections\nD1\tcritical", "G1\t9\t", "\tE1", "\n## left out\n", "</data evidence>", "\u2028G2\t", "\r\nG3\t",
    "a\tb", "D1+2", "near D1+2m", "\x0bG4\t", "\x85G5\t", "\U000e0041", "\u202e",
]  # fmt: skip
PIECE = st.one_of(st.sampled_from([*MARKS, *LAYOUT, "cmd.exe", r'"C:\a b\cmd.exe" /c']), st.text(max_size=20))
VALUE = st.lists(PIECE, max_size=4).map("".join)
ROW = st.fixed_dictionaries(dict.fromkeys(COLUMNS, VALUE))
CELLS = Cells(Pseudonyms.off())


def read(brief: Brief) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield handle and cells of each line as the legend says that they are to be read."""
    names: list[str] = []
    above: dict[str, str] = {}
    for line in brief.text.split("\n"):
        cells = line.split("\t")
        if cells[0] == "group":
            names, above = cells, {}
        elif re.fullmatch(r"G\d+", cells[0]):
            given = dict(zip(names, [*cells, *[""] * (len(names) - len(cells))], strict=True))
            above = {name: text or above.get(name, "") for name, text in given.items()}
            yield cells[0], above


def is_told(cell: str | None, value: str, command: str) -> bool:
    """Return whether a cell tells this value, beside the command line that stands in the same row."""
    wanted = CELLS.text(value)[0]
    if cell is None or cell == "<=>":
        run = re.match(r'\s*(?:"([^"]*)"|(\S+))', CELLS.text(command)[0])
        return wanted == "" or (run is not None and re.split(r"[\\/]", run[1] or run[2] or "")[-1] == wanted)
    return re.sub(r" <\+\d+>$", "", cell) == (wanted or "<>")


@settings(deadline=None)  # the first example loads the encoding
@given(st.lists(ROW, min_size=1, max_size=6))
@example([dict.fromkeys(COLUMNS, ""), *({**dict.fromkeys(COLUMNS, "<><>"), "InitiatingProcessFileName": "",
          "DeviceName": name} for name in ("", "<>"))])  # fmt: skip
def test_every_cell_can_be_read_back(values: list[dict[str, str]]) -> None:
    rows: list[dict[str, object]] = [
        {"TimeGenerated": START + timedelta(minutes=i), **one} for i, one in enumerate(values)
    ]
    brief = brief_of(case_of({TABLE: rows}, {TABLE: [0]}), 8_000)
    lines = dict(read(brief))
    assert set(lines) == set(brief.groups)
    for handle, cells in lines.items():
        shown = values[brief.rows[f"E{handle[1:]}"].row]
        for name, value in shown.items():
            assert is_told(cells.get(name), value, shown["ProcessCommandLine"]), (name, value, cells)


@given(VALUE)
def test_no_value_holds_a_mark_of_the_brief(value: str) -> None:
    shown, _ = CELLS.text(value)
    assert not re.search(r"[<>\t\n\r]", re.sub(r"<\*>|<\d+ left out>", "", shown))
    if len(value) < 24:
        assert "<" not in shown and ">" not in shown


@given(st.dictionaries(st.text(max_size=5), st.one_of(st.text(max_size=9), st.integers()), min_size=1, max_size=3))
def test_what_json_holds_passes_for_no_other_leaf(leaves: dict[str, str | int]) -> None:
    told = leaves_of(json.dumps(leaves))
    filled = {name: value for name, value in leaves.items() if value not in ("", None)}
    nested = any(isinstance(value, str) and value[:1] in ("[", "{", '"') for value in filled.values())
    if filled and not nested:
        outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", told)
        assert outside.count(", ") == len(filled) - 1
        assert outside.count("=") == sum(name != "" for name in filled)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "+0s"), (119, "+119s"), (120, "+2m"), (-161, "-2m"), (7_199, "+119m"), (7_200, "+2h"), (259_200, "+3d")],
)
def test_a_stretch_of_time_has_one_unit(seconds: int, told: str) -> None:
    assert lapse(seconds) == told


def test_a_date_is_written_where_it_changes() -> None:
    second = int(datetime(2026, 3, 16, 8, 12, 28, tzinfo=UTC).timestamp())
    assert moment(second, "2026-03-16") == "08:12:28"
    assert moment(second, "2026-03-15") == "03-16 08:12:28"
    assert moment(second, "2025-12-31") == moment(second, "") == "2026-03-16 08:12:28"
    text = "from 2026-03-16T08:12:28Z to 2026-03-16T09:00:00Z, not 2026-03-16T09:00:00+02:00"
    assert short_times(text) == "from 2026-03-16 08:12:28 to 09:00:00, not 2026-03-16T09:00:00+02:00"


def test_rows_without_a_time_have_a_line() -> None:
    brief = brief_of(case_of({TABLE: [{"TimeGenerated": None, "FileName": "a.exe"}] * 2}))
    ((_, cells),) = read(brief)
    assert cells["time"] == "- x2"


def test_analyst_and_critic_are_told_the_same_of_a_brief() -> None:
    legends = [_legend(load_prompt(name).system) for name in ("analyse", "critic")]
    assert legends[0] == legends[1] and "<=>" in legends[0]


@pytest.mark.parametrize("name", [name for name in prompt_names() if "evidence" in load_prompt(name).variables])
def test_whoever_reads_a_brief_is_told_its_marks(name: str) -> None:
    system = load_prompt(name).system
    assert all(mark in system for mark in ("<>", "<*>", "<+3>", "<=>", "An empty cell, but for `why`"))


def test_all_marks_of_a_brief_are_in_the_legend() -> None:
    rows: list[dict[str, object]] = [
        {"TimeGenerated": START, "FileName": "a.exe", "ProcessCommandLine": f"a.exe {'x y ' * 200}"},
        {"TimeGenerated": START, "FileName": "b.exe", "ProcessCommandLine": "e3b0c442" * 8},
        {"TimeGenerated": START, "FileName": "c.exe", "ProcessCommandLine": None, "DeviceName": "h1"},
        *({"TimeGenerated": START, "FileName": "d.exe", "ProcessCommandLine": f"run {i}"} for i in range(4)),
    ]
    text = brief_of(case_of({TABLE: rows})).text
    marks = {re.sub(r"\d+", "9", mark) for mark in re.findall(r"<[^<>]*>", text)}
    legend = re.sub(r"\d+", "9", _legend(load_prompt("analyse").system))
    assert marks >= {"<>", "<*>", "<=>", "<+9>", "<9 left out>"}
    assert all(mark in legend or mark == "<n left out>" for mark in marks)


def _legend(system: str) -> str:
    start = system.index("- A brief shows rows")
    return system[start : system.index("there.\n", start)]
