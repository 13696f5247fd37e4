"""`check-query` reads whatever bytes come: it refuses them in one line, never with a traceback."""

from __future__ import annotations

import io
import json
import sys

import pytest

from soc_analyst.cli.app import run

USAGE, REFUSED = 2, 3
BYTES: dict[str, tuple[bytes, int, str]] = {
    "not UTF-8": (b"SigninLogs | where Id == '\xff'", USAGE, "byte 26"),
    "UTF-16": ("SigninLogs".encode("utf-16"), USAGE, "byte 0"),
    "a binary": (b"\x7fELF\x02\x01\x01\x00\x80", USAGE, "byte 8"),
    "over a megabyte": (b"SigninLogs | where Id == '" + b"x" * 1_000_000 + b"'", USAGE, "1 MB"),
    "a megabyte": (b"SigninLogs | where Id == '" + b"x" * 990_000 + b"'", REFUSED, "too-long"),
    "null bytes": (b"SigninLogs\x00 | take 1", REFUSED, "1:11 bad-character"),
    "half a character": (b"SigninLogs \xed\xa0\x80", USAGE, "byte 11"),
    "nothing": (b"", REFUSED, "syntax"),
    "deep": (b"SigninLogs | where " + b"(" * 10_000, REFUSED, "too-deep"),
    "English": (b"who signed in last night", REFUSED, "syntax"),
    "an unfinished string": (b"SigninLogs\n| where Id == 'x", REFUSED, "2:15 unterminated-string"),
}


@pytest.mark.parametrize("what", BYTES)
def test_bytes_are_refused_in_lines(
    what: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given, status, words = BYTES[what]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    assert run(["check-query", "-"]) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert all(line.startswith("soc-analyst: ") for line in err.splitlines())
    assert len(err) < 5_000


def test_a_byte_order_mark_is_no_part_of_the_query(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfSigninLogs | take 1")))
    assert run(["check-query", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tables"] == ["SigninLogs"]
