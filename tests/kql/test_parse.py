"""Reading KQL: what is understood, what is refused and where, and that nothing ever raises."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_analyst.tools.kql import MAX_TEXT, parse, render

CANONICAL = [
    ("T|where a=='x'//note\n|take 5", 'T\n| where a == "x"\n| take 5'),
    ("T | filter a <> 1 | limit 2", "T\n| where a != 1\n| take 2"),
    ("T | order by a, b asc nulls first", "T\n| sort by a desc, b asc"),
    ("T | sort by a asc nulls last", "T\n| sort by a asc nulls last"),
    ("T | where a == 1 or b == 2 and c == 3", "T\n| where a == 1 or (b == 2 and c == 3)"),
    ("T | where a and (b and (c))", "T\n| where a and b and c"),
    ("T | extend x = a - b - (c - d) + 1", "T\n| extend x = a - b - (c - d) + 1"),
    ("T | where a + 2 * 3 > -1 and -b < - 1.50", "T\n| where (a + (2 * 3)) > (-1) and (-b) < real(-1.5)"),
    ("T | where t > ago(1.5h) and t < now(-90min)", "T\n| where t > ago(90m) and t < now(-90m)"),
    ("T | where t between (datetime(2026-03-04) .. 1d)", "T\n| where t between (datetime(2026-03-04T00:00:00Z) .. 1d)"),
    (
        "T | where t > datetime('2026-03-04 05:06:07.5+02:00')",
        "T\n| where t > datetime(2026-03-04T03:06:07.5000000Z)",
    ),
    ("T | where t > timespan(1.02:03:04)", "T\n| where t > 93784s"),
    ("T | where x has_any (dynamic(['a', \"b\"]))", 'T\n| where x has_any (dynamic(["a", "b"]))'),
    ("T | where d.a['b c'][0].e == 1", 'T\n| where d.a["b c"][0].e == 1'),
    ("T | where ['a b'] == @'c:\\d' 'e'", 'T\n| where ["a b"] == "c:\\\\de"'),
    ('T | where x == "\\u0041\\x42\\103\\n"', 'T\n| where x == "ABC\\n"'),
    ("T | where x == h'secret'", 'T\n| where x == "secret"'),
    ("T | summarize n=count() by bin(t, 1h), x", "T\n| summarize n = count() by bin(t, 1h), x"),
    ("T | top 5 by n", "T\n| top 5 by n desc"),
    ("T | distinct *", "T\n| distinct *"),
    ("(T | where a == 1) | count", "T\n| where a == 1\n| count"),
    ("T | join (U) on k", "T\n| join kind=innerunique U on k"),
    ("T | join kind=inner (U|take 1) on $left.a==$right.b", "T\n| join kind=inner (U | take 1) on $left.a == $right.b"),
    ("T | lookup U on $right.b == $left.a", "T\n| lookup kind=leftouter U on $left.a == $right.b"),
    ("union isfuzzy=true T, (U | take 1)", "union T, (U | take 1)"),
    (
        "let a = 1; let u = materialize(U | take 1); u | where b == a",
        "let a = 1;\nlet u = U | take 1;\nu\n| where b == a",
    ),
    ("T | where x in (U | project y)", "T\n| where x in ((U | project y))"),
    ("T | mv-expand d to typeof(string)", "T\n| mv-expand d to typeof(string)"),
    ("T | where i == int(5) and l == 0x1F and r == 1e3", "T\n| where i == int(5) and l == 31 and r == real(1000.0)"),
    ('T | where t == datetime(null) or s == ""', 'T\n| where t == datetime(null) or s == ""'),
    ("\ufeffT | take 1".lstrip("\ufeff"), "T\n| take 1"),
]


@pytest.mark.parametrize(("text", "canonical"), CANONICAL)
def test_canonical_text(text: str, canonical: str) -> None:
    tree = parse(text).tree
    assert tree is not None, parse(text).diagnostics
    assert render(tree) == canonical
    assert parse(canonical).tree == tree


FAULTS = [
    ("", "syntax", ""),
    ("T | wher a == 1", "unknown-operator", "wher"),
    ("T | where a like 'x'", "unknown-operator", "like"),
    ("T | where a == 1 take 5", "unknown-operator", "take"),
    ("T where a == 1", "syntax", "where"),
    ("T | where a == 'x", "unterminated-string", "'"),
    ("T | where a == 'x\ny'", "unterminated-string", "'"),
    ('T | where a == "\\q"', "bad-escape", '"\\q"'),
    ('T | where a == "\\ud800"', "bad-escape", '"\\ud800"'),
    ("T | where \u0410ccount == 1", "bad-character", "\u0410"),
    ("T | where a\u200b == 1", "bad-character", "\u200b"),
    ("\ufeffT", "bad-character", "\ufeff"),
    ("T\x00", "bad-character", "\x00"),
    ("T | where a == \ud800", "bad-character", "\ud800"),
    ("T | where t > datetime(yesterday)", "bad-literal", "datetime(yesterday)"),
    ("T | where t > datetime(2026-02-30)", "bad-literal", "datetime(2026-02-30)"),
    ("T | where n > 99999999999999999999", "bad-literal", "99999999999999999999"),
    ("T | where n > 1e999", "bad-literal", "1e999"),
    ("T | take a", "syntax", "a"),
    ("T | take -1", "syntax", "-"),
    ("T | where x in ()", "empty-list", "x in ()"),
    ("T | where a == b == c", "syntax", "c"),
    ("T | join kind=cross U on k", "unknown-parameter", "cross"),
    ("T | join hint.remote=left U on k", "refused-parameter", "hint"),
    ("let f = (x:string) { x; T", "syntax", "T"),
    ("let f = (x:text) { x }; T", "unknown-type", "text"),
    ("T; U", "syntax", "U"),
    ("T /* x */ | take 1", "syntax", "/"),
]


@pytest.mark.parametrize(("text", "code", "marked"), FAULTS)
def test_fault_is_named_where_it_stands(text: str, code: str, marked: str) -> None:
    parsed = parse(text)
    first = parsed.diagnostics[0]
    assert parsed.tree is None
    assert first.code == code
    assert text[first.start : first.start + first.length].startswith(marked)


def test_every_faulty_step_is_reported() -> None:
    parsed = parse("T | foo x | where a == 1 | evaluate p() | take many | sort b")
    assert [d.code for d in parsed.diagnostics] == ["unknown-operator", "refused-operator", "syntax", "syntax"]


def test_misspelt_operator_has_a_hint() -> None:
    assert parse("T | sumarize count()").diagnostics[0].hint == "did you mean summarize?"


@pytest.mark.parametrize(
    "text",
    [
        "T | where " + "(" * 10_000 + "a" + ")" * 10_000,
        "T | where " + "not(" * 3_000 + "a" + ")" * 3_000,
        "T | where " + " + ".join(["a"] * 4_000),
        "T | where a" + "[0]" * 3_000,
        "T | where x == dynamic(" + "[" * 5_000 + "]" * 5_000 + ")",
        "(" * 5_000 + "T" + ")" * 5_000,
        "T | join (" * 500 + "T" + ") on a" * 500,
        "T | where a " + "-" * 5_000 + "1",
        "x" * (MAX_TEXT + 1),
        "T | where a == '" + "x" * 1_000_000 + "'",
    ],
)
def test_monstrous_text_is_refused(text: str) -> None:
    parsed = parse(text)
    assert parsed.tree is None
    assert parsed.diagnostics


WORDS = st.sampled_from(
    [
        *(
            "T",
            "U",
            "|",
            "where",
            "project",
            "extend",
            "summarize",
            "by",
            "count()",
            "take",
            "5",
            "join",
            "on",
            "kind=inner",
        ),
        *(
            "union",
            "let",
            "x",
            "=",
            ";",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            ",",
            ".",
            "..",
            "==",
            "=~",
            "!=",
            "!in",
            "in",
            "~",
            "has",
        ),
        *(
            "has_any",
            "contains",
            '"a"',
            "'b'",
            '@"c"',
            "\\",
            '"',
            "'",
            "//",
            "\n",
            "datetime(2026-01-01)",
            "datetime(",
            "1h",
        ),
        *(
            "dynamic(",
            "[1,2]",
            "*",
            "-",
            "+",
            "/",
            "!",
            "$left",
            "$right",
            ".show",
            "search",
            "externaldata",
            "and",
            "or",
        ),
        *("not(", "between", "mv-expand", "to", "typeof(string)", "\u0000", "\U0001f600", "a", "b", "TimeGenerated"),
    ]
)


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(
        st.text(max_size=60), st.lists(WORDS, max_size=25).map(" ".join), st.lists(WORDS, max_size=25).map("".join)
    )
)
def test_no_text_raises_and_what_is_read_reads_the_same_again(text: str) -> None:
    parsed = parse(text)
    assert (parsed.tree is None) == bool(parsed.diagnostics)
    for diagnostic in parsed.diagnostics:
        assert 0 <= diagnostic.start <= diagnostic.start + diagnostic.length <= len(text)
    if parsed.tree is not None:
        assert parse(render(parsed.tree)).tree == parsed.tree
