"""Text that is too deep, too long, broken or no KQL at all: refused with its place, in bounded time and memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Mapping

import pytest

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, TextVerdict, check_text

Tables = Mapping[str, TableSchema]
N = 10_000
MEGABYTE = 1_000_000
DEEP = {
    "parentheses": "SigninLogs | where " + "(" * N + "1" + ")" * N,
    "open parentheses": "SigninLogs | where " + "(" * N,
    "closed parentheses": "SigninLogs | where " + ")" * N,
    "sources in parentheses": "(" * N + "SigninLogs" + ")" * N,
    "brackets": "SigninLogs | extend x = " + "[" * N,
    "braces": "let f = () " + "{" * N,
    "indexes": "SigninLogs | extend x = DeviceDetail" + "[0]" * N,
    "members": "SigninLogs | extend x = DeviceDetail" + ".a" * N,
    "pipes": "SigninLogs" + "|" * N,
    "steps": "SigninLogs" + " | where Id == 'x'" * N,
    "lets": "".join(f"let a{n} = {n}; " for n in range(N)) + "SigninLogs",
    "functions": "let f = () {" * N,
    "joins": "SigninLogs" + " | join (AuditLogs" * N + ") on Id" * N,
    "unions": "union " + "(union " * N + "SigninLogs" + ")" * N,
    "arms": "union " + ", ".join(["SigninLogs"] * N),
    "queries in queries": "SigninLogs | where Id in (" + "(AuditLogs | where Id in (" * N,
    "signs": "SigninLogs | where DurationMs == " + "-" * N + "1",
    "not": "SigninLogs | where " + "not(" * N + "true" + ")" * N,
    "calls": "SigninLogs | extend x = " + "tolower(" * N + "Id" + ")" * N,
    "choices": "SigninLogs | extend x = " + "iff(true, 1, " * N + "1" + ")" * N,
    "alternatives": "SigninLogs | where " + " or ".join(["Id == 'x'"] * N),
    "sums": "SigninLogs | extend x = " + "+".join(["1"] * N),
    "values": "SigninLogs | where DurationMs in (" + ",".join(["1"] * N) + ")",
    "arrays": "SigninLogs | extend x = dynamic(" + "[" * N + "]" * N + ")",
    "bags": "SigninLogs | extend x = dynamic(" + '{"a":' * N + "1" + "}" * N + ")",
}
LONG = {
    "a string": "SigninLogs | where Id == '" + "x" * MEGABYTE + "'",
    "a comment": "//" + "x" * MEGABYTE,
    "blanks": " " * MEGABYTE,
    "lines": "\n" * MEGABYTE,
    "a name": "x" * MEGABYTE,
    "quotes": '"' * MEGABYTE,
    "backslashes": 'SigninLogs | where Id == "' + "\\" * MEGABYTE,
    "digits": "SigninLogs | take " + "9" * MEGABYTE,
    "an exponent": "SigninLogs | where DurationMs == 1e" + "9" * MEGABYTE,
    "spans": "1d" * MEGABYTE,
    "slashes": "/" * MEGABYTE,
    "dots": "." * MEGABYTE,
    "letters h": "h" * MEGABYTE + "'",
    "zero bytes": "\x00" * MEGABYTE,
    "emoji": "\U0001f600" * MEGABYTE,
    "half characters": "\ud800" * MEGABYTE,
}
MULTIPLIED = {
    "functions of themselves": "let f = (x:string) { strcat(" + ", ".join(["x"] * 500) + ") };"
    " SigninLogs | extend y = f(f(f(f(Id))))",
    "functions of functions": "let f0 = (x:long) { x + x }; "
    + "".join(f"let f{n} = (x:long) {{ f{n - 1}(x) + f{n - 1}(x) }}; " for n in range(1, 40))
    + "SigninLogs | extend y = f39(DurationMs)",
    "bindings in a function": "let f = (x:string) { let a = strcat(x, x, x, x, x, x, x, x); "
    + "".join(f"let {b} = strcat({', '.join([a] * 8)}); " for a, b in zip("abcdefg", "bcdefgh", strict=True))
    + "h }; SigninLogs | extend y = f(Id)",
    "bindings of bindings": "let a0 = SigninLogs; "
    + "".join(f"let a{n} = union a{n - 1}, a{n - 1}; " for n in range(1, 40))
    + "a39 | take 1",
    "ranges in ranges": "SigninLogs | extend z = "
    + "iff(TimeGenerated between (" * 18 + "now()" + " .. 1h), now(), ago(1h))" * 18,
}  # fmt: skip
READ = 16_384
"""Characters that are read: what is longer is refused for that alone, so what is as long must be bounded too."""


def _bounded(kql: str, policy: Policy, tables: Tables, window: TimeWindow) -> TextVerdict:
    check_text("SigninLogs | where Id == 'x'", policy=policy, tables=tables, window=window)
    tracemalloc.start()
    verdict = check_text(kql, policy=policy, tables=tables, window=window)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50 * MEGABYTE
    before = time.process_time()
    assert check_text(kql, policy=policy, tables=tables, window=window) == verdict
    # The bound that is promised, with room for a slow machine: what is not bounded takes minutes.
    assert time.process_time() - before < 2.0
    return verdict


def _refused(verdict: TextVerdict, kql: str) -> None:
    assert not verdict.allowed
    assert verdict.diagnostics
    for diagnostic in verdict.diagnostics:
        assert 0 <= diagnostic.start <= diagnostic.start + diagnostic.length <= len(kql)
        assert len(diagnostic.message) < 500
        diagnostic.model_dump_json().encode("utf-8")


@pytest.mark.parametrize("what", [*DEEP, *LONG])
@pytest.mark.parametrize("read", [None, READ], ids=["whole", "as much as is read"])
def test_deep_and_long_text_is_refused(
    what: str, read: int | None, policy: Policy, tables: Tables, window: TimeWindow
) -> None:
    kql = {**DEEP, **LONG}[what][:read]
    _refused(_bounded(kql, policy, tables, window), kql)


@pytest.mark.parametrize("what", MULTIPLIED)
def test_what_multiplies_is_refused(what: str, policy: Policy, tables: Tables, window: TimeWindow) -> None:
    _refused(_bounded(MULTIPLIED[what], policy, tables, window), MULTIPLIED[what])


PLACES = [
    ("SigninLogs \x00| take 1", "bad-character", "\x00"),
    ("SigninLogs | where Id == 'a\ud800'", "bad-character", "\ud800"),
    ("\ufeffSigninLogs", "bad-character", "\ufeff"),
    ("SigninLogs\u200b | take 1", "bad-character", "\u200b"),
    ("Sign\u0456nLogs | take 1", "bad-character", "\u0456"),
    ("SigninLogs | where \u0406d == 'x'", "bad-character", "\u0406"),
    ("SigninLogs | where Id == 'x' \u202e", "bad-character", "\u202e"),
    ("\U0001f600 SigninLogs", "bad-character", "\U0001f600"),
    ("SigninLogs | where Id == 'x", "unterminated-string", "'"),
    ('SigninLogs | where Id == @"x', "unterminated-string", '@'),
    ("SigninLogs /* | take 1", "syntax", "/"),
    ("SigninLogs | take 99999999999999999999999999", "bad-literal", "9" * 26),
    (f"SigninLogs | take {'9' * 5000}", "bad-literal", "9" * 5000),
    ("SigninLogs // a comment \ud800", "bad-character", "\ud800"),
    ("SigninLogs | where Id == 'a\x00b'", "bad-character", "\x00"),
    ("Which accounts failed to sign in last night", "syntax", "accounts"),
    ("SELECT Id FROM SigninLogs WHERE 1 = 1;", "refused-source", "SELECT"),
    ('{"query": "SigninLogs | take 1"}', "syntax", "{"),
    ("%PDF-1.7\n%\xe2\xe3\xcf\xd3", "bad-character", "\xe2"),
    ("\x7fELF\x02\x01\x01", "bad-character", "\x7f"),
    ("PK\x03\x04", "bad-character", "\x03"),
    ("<?xml version='1.0'?>", "bad-character", "?"),
    ("#!/bin/sh\nrm -rf /", "bad-character", "#"),
]  # fmt: skip


@pytest.mark.parametrize(("kql", "code", "marked"), PLACES)
def test_broken_text_is_marked_in_its_place(
    kql: str, code: str, marked: str, policy: Policy, tables: Tables, window: TimeWindow
) -> None:
    verdict = check_text(kql, policy=policy, tables=tables, window=window)
    _refused(verdict, kql)
    found = [(one.code, kql[one.start : one.start + one.length]) for one in verdict.diagnostics]
    assert (code, marked) in found


@pytest.mark.parametrize(
    "kql", ["", " ", "\n\r\t", "// nothing", ";", "|", "\x00", "\ufeff", "\ud800", "0", "'", '"', "["]
)
def test_nothing_is_no_query(kql: str, policy: Policy, tables: Tables, window: TimeWindow) -> None:
    _refused(check_text(kql, policy=policy, tables=tables, window=window), kql)
