"""String operators against a given text, as SQL that the engine runs fast and that means what Kusto documents.

A term is a maximal run of letters and digits, so `_` ends one; case is ignored ordinally, one character at a time
(Microsoft, "String operators"). The library writes a case-folding expression or a LIKE with an escape character, which
cost the engine three to ten times more than a plain search, and whose folding takes the Kelvin sign for a k.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from functools import cache
from typing import Any

__all__ = ["matches_sql", "speed_up", "term_sql"]

_START, _END = r"(?:^|[^\pL\pN])", r"(?:$|[^\pL\pN])"

_ANYWHERE = {"has": (True, True), "hasprefix": (True, False), "hassuffix": (False, True), "contains": (False, False)}
"""Operators that look anywhere in the text, and whether a term must begin and end at the edges of what is found."""

_FOLDED_INTO = frozenset("ki")
"""Letters that the engine makes of characters that are not ASCII: the Kelvin sign, the capital I with a dot."""

_ALONE = frozenset("\u0131\u017f")
"""Characters whose capital is ASCII; ordinal comparison keeps them apart from it."""


def speed_up(translate: Any) -> None:
    """Make the library's translation, loaded for us alone, write these forms instead of its own."""
    term, operator = translate.term_match_sql, translate._render_term_operator

    def of_operator(node: Any, sqls: Any) -> str | None:
        right = node.right
        if isinstance(right, translate.ir.Literal) and right.kind == "string":
            found = matches_sql(node.op, sqls[0], str(right.value))
            if found is not None:
                return found
        return None if (slow := operator(node, sqls)) is None else str(slow)

    def of_term(haystack: str, needle: str, **how: Any) -> str:
        text = how.get("needle_text")
        found = term_sql(haystack, text) if text and how.keys() == {"needle_text"} else None
        return str(term(haystack, needle, **how)) if found is None else found

    translate.term_match_sql, translate._render_term_operator = of_term, of_operator
    translate.render_in_list = _of_list(translate, translate.render_in_list)


def _of_list(translate: Any, slow: Any) -> Any:
    """Return how `in~` is written: as by the library, and asked again where its folding goes too far or not far."""

    def of_list(node: Any) -> str:
        texts = _given(translate.ir, node) if node.case_insensitive else ()
        if all(text.isascii() and not _FOLDED_INTO & set(text.lower()) for text in texts):
            return str(slow(node))
        whole = translate.ir.Literal(f"^(?:{'|'.join(map(_folded, texts))})$", "string")
        found = translate.render_expr(translate.ir.BinaryOp("matches regex", node.value, whole))
        if all(text.isascii() for text in texts):
            found = f"CASE WHEN {slow(dataclasses.replace(node, negated=False))} THEN {found} ELSE FALSE END"
        return f"(NOT ({found}))" if node.negated else f"({found})"

    return of_list


def _given(ir: Any, node: Any) -> tuple[str, ...]:
    """Return the texts of a list, or none unless it is of given texts alone."""
    if node.subquery is not None or not all(isinstance(one, ir.Literal) and one.kind == "string" for one in node.items):
        return ()
    return tuple(str(one.value) for one in node.items)


def matches_sql(op: str, column: str, text: str) -> str | None:
    """Return SQL for `column op "text"`, or None where this has no form for it."""
    word = op.removeprefix("!")
    found: str | None
    if op in ("=~", "!~"):
        found = _equals(column, text)
    elif word.removesuffix("_cs") in (*_ANYWHERE, "startswith", "endswith"):
        found = _found(word.removesuffix("_cs"), column, text, cased=word.endswith("_cs"))
    else:
        return None
    return f"(NOT {found})" if found and op.startswith("!") else found


def term_sql(column: str, text: str) -> str | None:
    """Return SQL for `column has "text"`, as `has_any` and `has_all` ask it of each of their values."""
    return matches_sql("has", column, text)


def _found(word: str, column: str, text: str, *, cased: bool) -> str | None:
    if not text or "\x00" in text:
        return None
    pattern = _pattern(word, text, cased)
    if not (cased or text.isascii()):
        return f"regexp_matches({column}, {_quoted(pattern)})"
    quick = _quick(word, column, text, cased or not re.search("[A-Za-z]", text))
    bare = word not in ("has", "hasprefix", "hassuffix")
    if bare and (cased or not _FOLDED_INTO & set(text.lower())):
        return quick
    return f"(CASE WHEN {quick} THEN regexp_matches({column}, {_quoted(pattern)}) ELSE FALSE END)"


def _quick(word: str, column: str, text: str, exact: bool) -> str:
    """Return a cheap test that everything passes which matches, and where more is asked afterwards also more."""
    search = {"startswith": "starts_with", "endswith": "ends_with"}.get(word, "contains")
    if exact:
        return f"{search}({column}, {_quoted(text)})"
    if set(text) & set("%_"):
        return f"{search}(lower({column}), {_quoted(text.lower())})"
    before, after = "" if word == "startswith" else "%", "" if word == "endswith" else "%"
    return f"({column} ILIKE {_quoted(before + text + after)})"


def _equals(column: str, text: str) -> str | None:
    if "\x00" in text:
        return None
    whole = f"regexp_matches({column}, {_quoted('^' + _folded(text) + '$')})"
    if not text.isascii():
        return whole
    quick = f"(lower({column}) = {_quoted(text.lower())})"
    return f"(CASE WHEN {quick} THEN {whole} ELSE FALSE END)" if _FOLDED_INTO & set(text.lower()) else quick


def _pattern(word: str, text: str, cased: bool) -> str:
    inner = "".join(map(_escaped, text)) if cased else _folded(text)
    if word in _ANYWHERE:
        lead, trail = _ANYWHERE[word]
        before = _START if lead and _is_of_term(text[0]) else ""
        return before + inner + (_END if trail and _is_of_term(text[-1]) else "")
    return f"^{inner}" if word == "startswith" else f"{inner}$"


def _is_of_term(one: str) -> bool:
    return unicodedata.category(one)[0] in "LN"


def _folded(text: str) -> str:
    return "".join(_any_case(one) for one in text)


def _any_case(one: str) -> str:
    same = _ascii_cases(one) if one.isascii() else sorted({one, *_cases().get(_capital(one), ())})
    return _escaped(one) if len(same) == 1 else "[" + "".join(map(_escaped, same)) + "]"


def _ascii_cases(one: str) -> list[str]:
    return [one.upper(), one.lower()] if one.isalpha() else [one]


def _capital(one: str) -> str:
    upper = one.upper()
    return one if len(upper) != 1 or one in _ALONE else upper


@cache
def _cases() -> dict[str, list[str]]:
    """Return the characters beyond ASCII that differ in case only, by their capital."""
    found: dict[str, list[str]] = {}
    for one in map(chr, range(0x80, 0x1E944)):
        if one.isalpha() or one.isnumeric() or unicodedata.category(one) == "Mn":
            found.setdefault(_capital(one), []).append(one)
    return {capital: same for capital, same in found.items() if len(same) > 1}


def _escaped(one: str) -> str:
    return one if one.isalnum() else f"\\x{{{ord(one):x}}}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
