"""Hostile text by the thousand: queries of the suites with their tokens moved about, spliced and wrapped, and noise."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st

__all__ = ["MUTANTS", "NOISE", "escapes", "honest"]

HERE = Path(__file__).parent
_TOKEN = re.compile(
    r"\s+|//[^\n]*|[A-Za-z_$][\w$-]*|\d[\w.]*|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|[!=<>~]{1,2}|.", re.DOTALL
)
_ESCAPED = re.compile(r"(?<!\\)\\(n|r|t|u[0-9a-f]{4}|x[0-9a-f]{2})")


def honest() -> list[str]:
    """Return the queries that must be allowed."""
    files = (HERE / "honest.kql", HERE / "hunts.kql")
    return [kql for file in files for kql in file.read_text(encoding="utf-8").strip().split("\n\n")[1:]]


def escapes() -> list[tuple[str, str]]:
    """Return the queries that must be refused, each after the codes of which it must get one."""
    lines = (HERE / "escapes.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    return [(codes, _ESCAPED.sub(_character, query)) for codes, query in pairs]


def _character(match: re.Match[str]) -> str:
    return f"\\{match[1]}".encode().decode("unicode_escape")


Tokens = list[str]
Edit = Callable[[Tokens, Tokens, int, int], Tokens]
"""Changes the tokens of a text at a place, given those of another text and a number to choose by."""

_POOL = [*honest(), *(query for _, query in escapes())]
_WORDS = sorted({token for query in _POOL for token in _TOKEN.findall(query) if not token.isspace()})
_WRAPS = (
    "let x = {}; x", "let x = materialize({}); SigninLogs | where Id in (x)", "let f = () {{ {} }}; f()",
    "union SigninLogs, ({})", "union isfuzzy=true ({}), AuditLogs",
    "SigninLogs | join kind=inner ({}) on TimeGenerated",
    "SigninLogs | join kind=leftanti ({}) on Id", "SigninLogs | where Id in (({}))", "SigninLogs | lookup ({}) on Id",
    "SigninLogs | extend x = toscalar({})", "AuditLogs | mv-apply t = TargetResources on ({})", "({})", "{}; {}",
    "{} | union ({})", "// {}\n{}", "{} | as x | union x",
    "{} | summarize arg_max(TimeGenerated, *)", "{} | distinct *",
    "{} | extend TimeGenerated = ago(90d)", "{} | project-reorder *", "{} | extend p = pack_all()", "{} | getschema",
)  # fmt: skip


def _drop(tokens: Tokens, _other: Tokens, at: int, _pick: int) -> Tokens:
    return tokens[:at] + tokens[at + 1 :]


def _double(tokens: Tokens, _other: Tokens, at: int, _pick: int) -> Tokens:
    return tokens[: at + 1] + tokens[at:]


def _swap(tokens: Tokens, _other: Tokens, at: int, pick: int) -> Tokens:
    to = pick % len(tokens)
    changed = list(tokens)
    changed[at], changed[to] = changed[to], changed[at]
    return changed


def _put(tokens: Tokens, _other: Tokens, at: int, pick: int) -> Tokens:
    return [*tokens[:at], " ", _WORDS[pick % len(_WORDS)], " ", *tokens[at:]]


def _replace(tokens: Tokens, _other: Tokens, at: int, pick: int) -> Tokens:
    return [*tokens[:at], _WORDS[pick % len(_WORDS)], *tokens[at + 1 :]]


def _rename(tokens: Tokens, other: Tokens, at: int, pick: int) -> Tokens:
    """Replace a word with one of the other text."""
    words = [place for place, token in enumerate(tokens) if token[:1].isalpha()]
    given = [token for token in other if token[:1].isalpha()]
    if not words or not given:
        return tokens
    place = words[at % len(words)]
    return [*tokens[:place], given[pick % len(given)], *tokens[place + 1 :]]


def _splice(tokens: Tokens, other: Tokens, at: int, pick: int) -> Tokens:
    return tokens[:at] + other[pick % len(other) :]


def _graft(tokens: Tokens, other: Tokens, at: int, pick: int) -> Tokens:
    """Put a step of the other text between two steps."""
    pipes = [place for place, token in enumerate(tokens) if token == "|"] or [len(tokens)]
    place = pipes[at % len(pipes)]
    steps = "".join(other).split("|")
    return [*tokens[:place], f"| {steps[pick % len(steps)]} ", *tokens[place:]]


def _flip(tokens: Tokens, _other: Tokens, at: int, _pick: int) -> Tokens:
    return [*tokens[:at], tokens[at].swapcase(), *tokens[at + 1 :]]


def _wrap(tokens: Tokens, other: Tokens, _at: int, pick: int) -> Tokens:
    form = _WRAPS[pick % len(_WRAPS)]
    texts = ("".join(tokens), "".join(other))
    return _TOKEN.findall(form.format(*texts[: form.count("{}")]))


def _smuggle(tokens: Tokens, _other: Tokens, at: int, pick: int) -> Tokens:
    odd = "\x00\u200b\ufeff\u202e\u2028\u0085\xa0\u0430\ud800\r;'\"`\\{}[]*$#"
    return [*tokens[:at], odd[pick % len(odd)], *tokens[at:]]


_EDITS: tuple[Edit, ...] = (
    _drop, _double, _swap, _put, _replace, _rename, _rename, _splice, _graft, _graft, _flip, _wrap, _smuggle,
)  # fmt: skip


def _mutant(text: str, other: str, edits: list[tuple[Edit, int, int]]) -> str:
    tokens, others = _TOKEN.findall(text), _TOKEN.findall(other)
    for edit, at, pick in edits:
        tokens = edit(tokens, others, at % len(tokens), pick) or others
    return "".join(tokens)


MUTANTS = st.builds(
    _mutant,
    st.sampled_from(_POOL),
    st.sampled_from(_POOL),
    st.lists(st.tuples(st.sampled_from(_EDITS), st.integers(0, 300), st.integers(0, 9_999)), min_size=1, max_size=4),
)
NOISE = st.one_of(
    st.text(max_size=200),
    st.text(st.characters(exclude_categories=()), max_size=60),
    st.binary(max_size=300).map(lambda raw: raw.decode("latin-1")),
    st.lists(st.sampled_from(_WORDS), max_size=40).map(" ".join),
)
"""Text of any characters, half ones among them; bytes; words of the language in any order."""
