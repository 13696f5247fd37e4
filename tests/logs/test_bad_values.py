"""One bad value in one row makes that value null, and never fails the query; what does fail is said in one line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from soc_analyst.tools.logs import embedded

from .conftest import approved

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
BAD = [
    *("", "x", "{", "[1,", '{"a":1}', "null", "not base64 !!", "/w==", "2026-99-99", "99999999999999999999999"),
    *("1e999", "-1", "%zz%", "999.1.1.1", "NaN", "\U0001f600", "12:61:00", "inf", "true", "("),
    *("9223372036854775807", "-9223372036854775808", "9999-12-31", "0001-01-01"),
]


@pytest.fixture
def bad(folder):
    """Return a folder whose rows hold every bad value, as text and within a dynamic column."""
    rows = [
        {
            "TimeGenerated": (NOW - timedelta(minutes=at)).isoformat(),
            "ProcessCommandLine": value,
            "ProcessId": at + 5,
            "AdditionalFields": {"a": value} if at % 3 else value,
        }
        for at, value in enumerate(BAD)
    ]
    text = "\n".join(map(json.dumps, rows))
    (folder / "DeviceProcessEvents.jsonl").write_text(text + "\n", encoding="utf-8")
    return folder


STEPS = """
extend v = base64_decode_tostring(ProcessCommandLine)
extend v = toint(parse_json(ProcessCommandLine).a)
extend v = todatetime(ProcessCommandLine) + 1d
extend v = totimespan(ProcessCommandLine), w = tobool(ProcessCommandLine), x = todouble(ProcessCommandLine) * 2
extend v = tolong(ProcessCommandLine) * 9223372036854775807, w = -tolong(ProcessCommandLine)
extend v = tolong(ProcessCommandLine) + tolong(ProcessCommandLine), w = ProcessId / (ProcessId - ProcessId)
extend v = bin(TimeGenerated, 0s), w = bin(ProcessId, 0), x = ProcessId % 0
extend v = make_datetime(2026, 13, 45)
extend v = array_slice(parse_json(ProcessCommandLine), 0, 3), w = array_length(parse_json(ProcessCommandLine))
extend v = replace_regex(ProcessCommandLine, @"(\\w)", @"\\9"), w = extract(@"(\\d+)", 1, ProcessCommandLine)
extend v = split(ProcessCommandLine, ".")[7], w = substring(ProcessCommandLine, 50), x = parse_url(ProcessCommandLine)
extend v = tolong(AdditionalFields.a) + 1, w = todatetime(AdditionalFields.a), x = AdditionalFields.a.b[99].c
where AdditionalFields.a > 5 or tolong(AdditionalFields.a) > 5 or AdditionalFields.a == "x" or ProcessId > 0
where AdditionalFields.a != 5
mv-expand v = parse_json(ProcessCommandLine)
summarize v = sum(tolong(ProcessCommandLine)), w = avg(todouble(ProcessCommandLine)), sum(ProcessId * 922337203685477)
summarize v = max(todatetime(ProcessCommandLine)), w = make_set(parse_json(ProcessCommandLine))
summarize v = count() by bin(todatetime(ProcessCommandLine), 1h), tostring(parse_json(ProcessCommandLine).a.b)
""".strip().splitlines()


async def test_no_bad_value_fails_a_query(bad, open_logs):
    async with open_logs(bad) as workspace:
        for step in STEPS:
            result = await workspace.run(approved(f"DeviceProcessEvents | {step}"), timeout=30)
            assert result.status == "ok", (step, result.diagnostics)
            if step.startswith("extend"):
                assert result.rows.num_rows == len(BAD), step


async def test_good_values_beside_bad_ones_are_computed(bad, ask):
    steps = "extend v = tolong(ProcessCommandLine) + 1 | where isnotnull(v) | summarize set_v = make_set(v)"
    kql = f"DeviceProcessEvents | {steps}"
    result = await ask(bad, kql)
    assert {0, -(2**63) + 1} <= set(json.loads(result.rows.to_pylist()[0]["set_v"]))


@pytest.mark.parametrize(
    "error",
    [
        duckdb.ConversionException("Conversion Error: Could not convert string 'x' to INT64\nLINE 1: SELECT secret"),
        duckdb.OutOfRangeException("Out of Range Error: Overflow in addition of INT64 (1 + 2)!"),
        duckdb.InvalidInputException("Invalid Input Error: regexp_replace(...)"),
        duckdb.BinderException("Binder Error: No function matches\n\nCandidate functions: contains(VARCHAR)"),
        duckdb.IOException("IO Error: Could not read from file /data/x.duckdb: No space left on device"),
        duckdb.FatalException("FATAL Error: database has been invalidated"),
        duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block of size 256.0 KiB"),
        RuntimeError("INTERNAL Error: SELECT * FROM _s1"),
    ],
)
def test_what_the_engine_says_is_said_in_words_of_the_query(error):
    said = embedded._why(error, 5.0)
    text = f"{said.message} {said.hint}"
    assert said.message
    assert said.hint
    assert "\n" not in text
    assert not any(
        word in text for word in ("SELECT", "Error:", "INT64", "VARCHAR", "_s1", "/data", "regexp", "DuckDB")
    )
