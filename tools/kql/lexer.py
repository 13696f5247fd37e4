"""Text to tokens."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, NamedTuple

from soc_analyst.state.queries import Diagnostic

from .habits import SIGN_HABITS
from .tree import Span
from .trouble import MAX_DIAGNOSTICS, Trouble

__all__ = ["Lexed", "Token", "tokens_of"]

TokenKind = Literal["name", "string", "number", "span", "typed", "sign", "end"]

TYPED = frozenset({"datetime", "date", "time", "timespan", "int", "long", "real", "double", "bool", "boolean"})
"""Words that with a parenthesis make a literal, whose inside is not KQL."""

_BROKEN = re.compile("[\x00\ud800-\udfff]")
"""What no text holds, not even in strings: the byte that ends texts elsewhere, and halves of characters."""

_BLANK = re.compile(r"(?:[ \t\r\n]+|//[^\r\n]*)+")
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_]*")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+(?:\.(?!\.)[0-9]*)?(?:[eE][+-]?[0-9]+)?")
_INSIDE = re.compile(r"\s*\(([^()\r\n]*)\)")
_UNIT = re.compile(
    r"(?:days?|d|hours?|hrs?|h|minutes?|min|m|seconds?|sec|s|milliseconds?|millis?|ms|microseconds?|micros?|ticks?)"
    r"(?![A-Za-z0-9_])"
)
_SIGNS = re.compile(r"!in~|!in(?![A-Za-z0-9_])|in~|!(?=[A-Za-z])|<=|>=|==|!=|<>|=~|!~|\.\.|=>|[-+*/%<>=()\[\]{},;:.|]")
_ALONE = frozenset("()[]{},;:|+*%")
"""Characters that are a sign by themselves, whatever follows."""
_VERBATIM = re.compile(r"[hH]?@(?:\"(?:[^\"\r\n]|\"\")*\"|'(?:[^'\r\n]|'')*')")
_QUOTED = re.compile(r"[hH]?(?:\"(?:[^\"\\\r\n]|\\[^\r\n])*\"|'(?:[^'\\\r\n]|\\[^\r\n])*')")
_CURLY = re.compile(
    "[\u201c\u201d\u201e][^\u201c\u201d\"\r\n]*[\u201c\u201d]|[\u2018\u2019\u201a][^\u2018\u2019'\r\n]*[\u2018\u2019]|`[^`\r\n]*`"
)
_RUN = re.compile("[\\w\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]+")
"""A word of any script, with what cannot be seen in it."""
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|([0-7]{1,3})|(.))", re.DOTALL)
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "\\": "\\", "'": "'", '"': '"'}


class Token(NamedTuple):
    """A token; `text` is decoded for strings, and the inside for typed literals, whose word is `word`."""

    kind: TokenKind
    text: str
    start: int
    length: int
    word: str = ""

    @property
    def span(self) -> Span:
        """Where the token stands."""
        return Span(self.start, self.length)


class Lexed(NamedTuple):
    """The tokens, the last of kind `end`, and every place that is none; nothing is known of what follows `cut`."""

    tokens: list[Token]
    faults: list[Diagnostic]
    cut: int


def tokens_of(text: str) -> Lexed:
    """Return the tokens; a place that is none is noted, and what was probably meant stands in for it."""
    if broken := _BROKEN.search(text):
        fault = Trouble("bad-character", f"{_shown(broken[0])} cannot stand in a text", Span(broken.start(), 1))
        return Lexed([Token("end", "", 0, 0)], [fault.diagnostic], 0)
    found: list[Token] = []
    faults: list[Diagnostic] = []
    at = 0
    while True:
        if blank := _BLANK.match(text, at):
            at = blank.end()
        if at >= len(text):
            return Lexed([*found, Token("end", "", len(text), 0)], faults, len(text) + 1)
        try:
            found.append(_next(text, at))
            at += found[-1].length
        except Trouble as trouble:
            faults.append(trouble.diagnostic)
            if trouble.diagnostic.code == "unterminated-string" or len(faults) >= MAX_DIAGNOSTICS:
                return Lexed([*found, Token("end", "", at, 0)], faults, at)
            at = _after(text, at, trouble.diagnostic, found)


def _after(text: str, at: int, fault: Diagnostic, found: list[Token]) -> int:
    """Put in what was probably meant where a fault stands, and return where to go on."""
    end = fault.start + fault.length
    if comment := _COMMENT.match(text, at):
        return comment.end()
    if fault.code == "bad-escape":
        found.append(Token("string", "?", at, end - at))
    elif match := _RUN.match(text, at):
        end = match.end()
        before = found.pop() if found and found[-1].kind == "name" and sum(found[-1].span) == at else None
        start = before.start if before else at
        name = "".join(one for one in text[start:end] if unicodedata.category(one) != "Cf")
        if name:
            found.append(
                Token("number" if name.isdigit() else "name", "0" if name.isdigit() else name, start, end - start)
            )
    elif match := _CURLY.match(text, at):
        found.append(Token("string", match[0][1:-1], at, len(match[0])))
        end = match.end()
    elif meant := SIGN_HABITS.get(text[at:end]) or _plain_sign(text[at]):
        found.append(Token("name" if meant.isalpha() else "sign", meant, at, end - at))
    return end


def _plain_sign(character: str) -> str:
    plain = unicodedata.normalize("NFKC", character)
    return plain if plain in _ALONE else ""


def _next(text: str, at: int) -> Token:
    if text.startswith(("||", "===", "/*"), at):
        raise _habit(text, at)
    if text[at] in _ALONE:
        return Token("sign", text[at], at, 1)
    if text[at] in "\"'@hH" and (token := _string(text, at)):
        return token
    if match := _NAME.match(text, at):
        return _word(text, at, match)
    if match := _NUMBER.match(text, at):
        return _number(text, at, match)
    if match := _SIGNS.match(text, at):
        return Token("sign", match[0], at, len(match[0]))
    raise _habit(text, at)


def _habit(text: str, at: int) -> Trouble:
    """Return what to say of something that is no KQL."""
    if comment := _COMMENT.match(text, at):
        whole = comment[0].endswith("*/") and len(comment[0]) > 3
        span = Span(at, len(comment[0]) if whole else 1)
        return Trouble("syntax", "this is not a comment in KQL", span, "comments begin with //")
    sign = next((one for one in SIGN_HABITS if text.startswith(one, at)), "")
    if sign:
        meant, code = SIGN_HABITS[sign], "syntax" if sign[0] in "|=!" else "bad-character"
        return Trouble(code, f"`{sign}` is not an operator", Span(at, len(sign)), f"did you mean {meant}?")
    plain = _plain_sign(text[at])
    hint = (
        f"did you mean {plain}?"
        if plain
        else _ADVICE.get(text[at]) or ("write straight quotes" if _is_quote(text[at]) else "names are ASCII")
    )
    return Trouble("bad-character", f"{_shown(text[at])} cannot stand here", Span(at, 1), hint)


_ADVICE = {"`": "write a name plainly, or as ['name']", "#": "comments begin with //"}


def _is_quote(character: str) -> bool:
    return unicodedata.category(character) in ("Pi", "Pf")


def _shown(character: str) -> str:
    return f"{character!r} (U+{ord(character):04X})"


def _string(text: str, at: int) -> Token | None:
    if match := _VERBATIM.match(text, at):
        body = match[0].lstrip("hH")[1:]
        return Token("string", body[1:-1].replace(body[0] * 2, body[0]), at, len(match[0]))
    if match := _QUOTED.match(text, at):
        body = match[0].lstrip("hH")
        return Token("string", _decoded(body[1:-1], Span(at, len(match[0]))), at, len(match[0]))
    if text[at] in "\"'@":
        raise Trouble("unterminated-string", "this string has no end on its line", Span(at, 1), "close the quote")
    return None


def _decoded(body: str, span: Span) -> str:
    def replace(match: re.Match[str]) -> str:
        four, eight, two, octal, simple = match.groups()
        if digits := four or eight or two:
            return _character(int(digits, 16), span)
        if octal:
            return _character(int(octal, 8), span)
        if simple in _SIMPLE:
            return _SIMPLE[simple]
        raise Trouble("bad-escape", f"\\{simple} is not an escape of KQL", span, "write \\\\ or use @'...'")

    return _ESCAPE.sub(replace, body)


def _character(number: int, span: Span) -> str:
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        raise Trouble("bad-escape", f"U+{number:04X} is not a character", span)
    return chr(number)


def _word(text: str, at: int, match: re.Match[str]) -> Token:
    word = match[0]
    if word in TYPED and (inside := _INSIDE.match(text, match.end())):
        return Token("typed", inside[1].strip(), at, inside.end() - at, word)
    if word == "in" and text.startswith("~", match.end()):
        return Token("sign", "in~", at, 3)
    return Token("name", word, at, len(word))


def _number(text: str, at: int, match: re.Match[str]) -> Token:
    if unit := _UNIT.match(text, match.end()):
        return Token("span", match[0], at, unit.end() - at, unit[0])
    end = match.end()
    if end < len(text) and (text[end].isalnum() or text[end] == "_"):
        raise Trouble("bad-number", "a number must be followed by a blank or an operator", Span(at, end - at + 1))
    return Token("number", match[0], at, len(match[0]))
