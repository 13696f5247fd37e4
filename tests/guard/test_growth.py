"""Texts that would grow past all memory within one batch of rows are refused; what hunts write is not."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, check_text

COPY = "| extend ProcessCommandLine = strcat(ProcessCommandLine, ProcessCommandLine, ProcessCommandLine) "
OTHER = "| extend a = strcat(FileName, '-', FileName), b = strcat(FolderPath, FolderPath) "


@pytest.mark.parametrize(
    ("steps", "allowed"),
    [
        (COPY * 4, True),
        (COPY * 5, False),
        ("| extend x = replace_string(ProcessCommandLine, 'a', 'bb') | extend x = replace_string(x, 'b', 'cc')", True),
        ("| extend x = replace_string(ProcessCommandLine, 'a', '" + "b" * 300 + "')", False),
        ("| extend x = replace_string(ProcessCommandLine, 'a', FileName) | where replace_string(x, FileName, x) has 'q'"
         "| where strlen(replace_string(replace_string(x, 'a', FileName), 'b', FileName)) > 5", False),
        ("| where replace_regex(FileName, 'a', '" + "b" * 300 + "') == 'x'", False),
        ("| project x = strcat(FileName, FileName, FileName, FileName) "
         "| project x = strcat(x, x, x, x, x, x, x, x) | where strcat(x, x, x, x, x, x, x, x) has 'q'", False),
        (OTHER + "| extend c = strcat(a, b, a, b) | extend c = iff(c has 'x', strcat(c, a), c)", True),
        ("| summarize n = count() by x = strcat(FileName, ' ', FolderPath) | extend y = strcat(x, ' ', n)", True),
    ],
)  # fmt: skip
def test_growth(
    steps: str, allowed: bool, policy: Policy, tables: Mapping[str, TableSchema], window: TimeWindow
) -> None:
    verdict = check_text(f"DeviceProcessEvents {steps}", policy=policy, tables=tables, window=window)
    codes = [diagnostic.code for diagnostic in verdict.diagnostics]
    assert codes == ([] if allowed else ["too-long-text"]), verdict.diagnostics
