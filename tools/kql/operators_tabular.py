"""Tokens to the steps of tabular.py, and to those that leave no trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .lexer import Token
from .tabular import (
    Expanded,
    Level,
    MakeSeries,
    MvApply,
    MvExpand,
    Parse,
    Pattern,
    Piece,
    Sample,
    SampleDistinct,
    Serialize,
    Series,
    TopHitters,
    TopNested,
)
from .tree import Expr, Named, Operator, Span
from .trouble import Trouble, nearest

if TYPE_CHECKING:
    from .operators import Steps

__all__ = ["TABULAR_OPERATORS", "column_names"]

_PARSE_KINDS = ("simple", "regex", "relaxed")
_CHART_SIGNS = ("=", ",", "-", ".")


def render(steps: Steps, _: Span) -> None:
    """Read how the rows are to be drawn, which changes none of them."""
    stream = steps.stream
    stream.take_name("the kind of chart")
    inside = stream.accept_word("with") and bool(stream.expect("(", "after with"))
    while stream.next.kind in ("name", "string", "number") or stream.is_sign(*_CHART_SIGNS):
        stream.take()
    if inside:
        stream.expect(")", "after the properties of render")
    if not (stream.next.kind == "end" or stream.is_sign(";")):
        raise stream.unexpected("render stands at the end of a query")


def named_as(steps: Steps, start: Span) -> None:
    """Read a name for the rows; at the end of a query nobody can ask for it, anywhere else it would hide a table."""
    stream = steps.stream
    steps.expressions.name()
    drawn = stream.is_sign("|") and stream.peek().text == "render"
    if not (drawn or stream.next.kind == "end" or stream.is_sign(";")):
        span = stream.since(start.start)
        raise Trouble("refused-operator", "`as` is refused within a query: it could hide a table", span, "use let")


def serialize(steps: Steps, start: Span) -> Operator:
    """Read the columns to add, if any."""
    stream = steps.stream
    bare = stream.next.kind == "end" or stream.is_sign("|", ";", ")")
    items = () if bare else steps.several(steps.expressions.named)
    return Serialize(items, span=stream.since(start.start))


def parse(steps: Steps, start: Span, *, strict: bool = False) -> Operator:
    """Read a kind, what is taken apart, and the pattern."""
    stream = steps.stream
    kind = _parameter(steps, "kind", _PARSE_KINDS) or "simple"
    if stream.is_word("flags"):
        raise stream.unexpected("the flags of parse are not known here", "use (?i) in the expression")
    source = steps.expressions.expression()
    stream.expect_word("with", "after what is parsed")
    pieces: list[Piece] = []
    while piece := _piece(steps):
        pieces.append(piece)
    if not any(piece.name for piece in pieces):
        raise stream.unexpected("parse needs a column to put something in")
    span = stream.since(start.start)
    return Parse(kind, source, tuple(pieces), strict, span=span)  # type: ignore[arg-type]


def _piece(steps: Steps) -> Piece | None:
    stream, start = steps.stream, steps.stream.next.span.start
    if stream.accept("*"):
        return Piece(span=stream.since(start))
    if stream.next.kind == "string":
        text = stream.take().text
        return Piece(text, span=stream.since(start))
    if stream.next.kind != "name" and not stream.is_sign("["):
        return None
    name = steps.expressions.name().name
    kind = steps.type_name() if stream.accept(":") else None
    return Piece(None, name, kind, span=stream.since(start))


def _parameter(steps: Steps, word: str, known: tuple[str, ...]) -> str:
    """Return the value of `word=value`, or an empty text where it does not come next."""
    stream = steps.stream
    if not (stream.is_word(word) and stream.peek().text == "="):
        return ""
    stream.take()
    stream.take()
    value = stream.take_name(f"the value of {word}")
    if value.text not in known:
        message = f"{word}={value.text[:40]} is not known here"
        raise Trouble("unknown-parameter", message, value.span, nearest(value.text, known))
    return value.text


def mv_expand(steps: Steps, start: Span) -> Operator:
    """Read parameters, dynamic values and a limit."""
    pairs, index = _expansion(steps)
    items = steps.several(lambda: _expanded(steps))
    limit = steps.number("limit") if steps.stream.accept_word("limit") else None
    return MvExpand(items, index, limit, pairs, span=steps.stream.since(start.start))


def _expansion(steps: Steps) -> tuple[bool, str | None]:
    """Read whether bags become arrays, and the name of the index column, in either order."""
    stream, pairs, index = steps.stream, False, None
    while stream.is_word("kind", "bagexpansion", "with_itemindex") and stream.peek().text == "=":
        if stream.accept_word("with_itemindex"):
            stream.expect("=", "after with_itemindex")
            index = steps.expressions.name().name
        else:
            pairs = _parameter(steps, stream.next.text, ("bag", "array")) == "array"
    return pairs, index


def _expanded(steps: Steps) -> Expanded:
    stream, start = steps.stream, steps.stream.next.span.start
    item, to = steps.expressions.named(), None
    if stream.accept_word("to"):
        stream.expect_word("typeof", "after `to`")
        stream.expect("(", "after typeof")
        to = steps.type_name()
        stream.expect(")", "after the type")
    return Expanded(item, to, span=stream.since(start))


def mv_apply(steps: Steps, start: Span) -> Operator:
    """Read dynamic values, and the steps for the elements of each row."""
    stream = steps.stream
    pairs, index = _expansion(steps)
    if pairs:
        raise stream.unexpected("mv-apply expands bags to bags only")
    items = steps.several(lambda: _expanded(steps))
    limit = steps.number("limit") if stream.accept_word("limit") else None
    stream.expect_word("on", "after what mv-apply expands")
    stream.expect("(", "after on")
    body = steps.nested()
    stream.expect(")", "after the steps of mv-apply")
    return MvApply(items, body, index, limit, span=stream.since(start.start))


def make_series(steps: Steps, start: Span) -> Operator:
    """Read aggregates, the axis and its step, and groups."""
    stream, read = steps.stream, steps.expressions
    kind = _parameter(steps, "kind", ("nonempty",))
    if kind:
        raise stream.unexpected("make-series kind=nonempty is not known here", "leave it out")
    series = steps.several(lambda: _series(steps))
    stream.expect_word("on", "after the aggregates of make-series")
    axis = read.named()
    low = read.expression() if stream.accept_word("from") else None
    high = read.expression() if stream.accept_word("to") else None
    if stream.is_word("in"):
        raise stream.unexpected("`in range()` is the old form", "write from .. to .. step ..")
    stream.expect_word("step", "after the axis of make-series")
    step = read.expression()
    by = steps.several(read.named) if stream.accept_word("by") else ()
    return MakeSeries(series, axis, step, low, high, by, span=stream.since(start.start))


def _series(steps: Steps) -> Series:
    stream, start = steps.stream, steps.stream.next.span.start
    item = steps.expressions.named()
    default = None
    if stream.accept_word("default"):
        stream.expect("=", "after default")
        default = steps.expressions.expression()
    return Series(item, default, span=stream.since(start))


def top_nested(steps: Steps, start: Span) -> Operator:
    """Read levels, each with the word of its own."""
    stream = steps.stream
    levels = [_level(steps)]
    while stream.accept(","):
        if steps.word() != "top-nested":
            raise stream.unexpected("`top-nested` begins each level")
        levels.append(_level(steps))
    return TopNested(tuple(levels), span=stream.since(start.start))


def _level(steps: Steps) -> Level:
    stream, start = steps.stream, steps.stream.next.span.start
    count = None if stream.is_word("of") else steps.number("top-nested")
    stream.expect_word("of", "after top-nested")
    group, others = steps.expressions.named(), None
    if stream.accept_word("with"):
        stream.expect_word("others", "after with")
        stream.expect("=", "after others")
        others = steps.expressions.expression()
    stream.expect_word("by", "after what top-nested groups")
    aggregate = steps.expressions.named()
    ascending = stream.accept_word("asc")
    if not ascending:
        stream.accept_word("desc")
    return Level(group, aggregate, count, others, ascending, span=stream.since(start))


def top_hitters(steps: Steps, start: Span) -> Operator:
    """Read a number, a value, and what to count it by."""
    count, of = _some_of(steps, "top-hitters")
    by = steps.expressions.expression() if steps.stream.accept_word("by") else None
    return TopHitters(count, of, by, span=steps.stream.since(start.start))


def sample(steps: Steps, start: Span) -> Operator:
    """Read a number."""
    return Sample(steps.number("sample"), span=steps.stream.since(start.start))


def sample_distinct(steps: Steps, start: Span) -> Operator:
    """Read a number and a value."""
    count, of = _some_of(steps, "sample-distinct")
    return SampleDistinct(count, of, span=steps.stream.since(start.start))


def _some_of(steps: Steps, word: str) -> tuple[int, Named]:
    count = steps.number(word)
    steps.stream.expect_word("of", f"after the number of {word}")
    return count, steps.expressions.named()


def column_names(steps: Steps, *, ordered: bool = False) -> tuple[Expr, ...]:
    """Read names, with or without stars; `ordered` where project-reorder may say how to sort those that fit."""
    return steps.several(lambda: _column_name(steps, ordered))


def _column_name(steps: Steps, ordered: bool) -> Expr:
    stream, start = steps.stream, steps.stream.next.span.start
    if not _is_pattern(steps):
        name = steps.expressions.name()
        if ordered:
            _order(steps)  # one name has no order among others
        return name
    text = ""
    while _joins(stream.next, text, start):
        text += stream.take().text
    order = _order(steps) if ordered else ""
    return Pattern(text, order, span=stream.since(start))  # type: ignore[arg-type]


def _is_pattern(steps: Steps) -> bool:
    stream = steps.stream
    after = stream.peek()
    touches = after.span.start == stream.next.span.start + stream.next.span.length
    return stream.is_sign("*") or (stream.next.kind == "name" and after.text == "*" and touches)


def _joins(token: Token, text: str, start: int) -> bool:
    number = token.kind == "number" and token.text.isdigit() and text.endswith("*")
    fits = number or token.kind == "name" or (token.kind == "sign" and token.text == "*")
    return fits and token.span.start == start + len(text)


def _order(steps: Steps) -> str:
    if steps.stream.is_word("granny"):
        raise steps.stream.unexpected("numbers within names are not sorted by here", "use asc or desc")
    return steps.stream.take().text if steps.stream.is_word("asc", "desc") else ""


_Reader = Callable[["Steps", Span], Operator | None]

TABULAR_OPERATORS: dict[str, _Reader] = {
    "render": render,
    "as": named_as,
    "serialize": serialize,
    "parse": parse,
    "parse-where": lambda steps, start: parse(steps, start, strict=True),
    "mv-expand": mv_expand,
    "mvexpand": mv_expand,
    "mv-apply": mv_apply,
    "make-series": make_series,
    "top-nested": top_nested,
    "top-hitters": top_hitters,
    "sample": sample,
    "sample-distinct": sample_distinct,
}
"""Operators read here."""
