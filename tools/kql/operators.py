"""Tokens to the steps of a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from .expressions import Expressions
from .habits import KIND_HABITS, OPERATOR_HABITS
from .lexer import Token
from .operators_tabular import TABULAR_OPERATORS, column_names
from .stream import Stream
from .tree import (
    Count,
    Distinct,
    Extend,
    Join,
    JoinKey,
    Literal,
    LiteralKind,
    Name,
    Named,
    Operator,
    Pipeline,
    Project,
    ProjectNames,
    ProjectRename,
    Sort,
    SortKey,
    Span,
    Summarize,
    Take,
    Top,
    Union,
    Where,
)  # fmt: skip
from .trouble import Trouble, instead, nearest
from .words import JOIN_KINDS, LOOKUP_KINDS, OTHER_KINDS, REFUSED_OPERATORS

__all__ = ["OPERATORS", "TYPES", "Steps"]

Item = TypeVar("Item")

TYPES: dict[str, LiteralKind] = {
    "string": "string", "long": "long", "int": "int", "real": "real", "double": "real", "bool": "bool",
    "datetime": "datetime", "timespan": "timespan", "dynamic": "dynamic",
}  # fmt: skip

_PARAMETERS = {
    "join": ("withsource",),
}


class Steps:
    """Reads what follows a pipe."""

    def __init__(
        self,
        stream: Stream,
        expressions: Expressions,
        arm: Callable[[], Pipeline],
        nested: Callable[[], Pipeline],
        constants: Mapping[str, Literal],
    ) -> None:
        self.stream = stream
        self.expressions = expressions
        self.nested = nested
        self.constants = constants
        self._arm = arm

    def step(self) -> Operator | None:
        """Read one step, nothing for one that leaves no trace; or raise Trouble naming what is not known."""
        start = self.stream.next.span
        word = self.word()
        read = OPERATORS.get(word)
        if read is None:
            return self._as_meant(word, start)
        return read(self, start)

    def _as_meant(self, word: str, start: Span) -> Operator | None:
        """Note an operator that is none, and read the step as the one that was probably meant."""
        span = self.stream.since(start.start)
        if word in REFUSED_OPERATORS:
            why = REFUSED_OPERATORS[word]
            raise Trouble("refused-operator", f"`{word}` is refused: {why}", span, instead(why))
        meant = OPERATOR_HABITS.get(word.lower()) or (word.lower() if word.lower() in OPERATORS else "")
        hint = f"did you mean {meant}?" if meant else nearest(word, OPERATORS)
        meant = meant or hint.removeprefix("did you mean ").removesuffix("?")
        hint = hint or f"known are {', '.join(OPERATORS)}"
        trouble = Trouble("unknown-operator", f"`{word[:40]}` is not an operator known here", span, hint)
        if not meant:
            raise trouble
        try:
            step = OPERATORS[meant](self, start)
        except Trouble as cascade:
            raise trouble from cascade
        self.stream.report(trouble)
        return step

    def word(self) -> str:
        """Read an operator's name, which may hold dashes."""
        stream = self.stream
        if stream.next.kind != "name":
            raise stream.unexpected("an operator is missing after `|`")
        word = stream.take()
        text, end = word.text, word.span.start + word.span.length
        while stream.is_sign("-") and stream.next.start == end and stream.peek().kind == "name":
            dash, more = stream.take(), stream.take()
            if more.span.start != dash.span.start + 1:
                break
            text, end = f"{text}-{more.text}", more.span.start + more.span.length
        return text

    def where(self, start: Span) -> Operator:
        """Read a predicate."""
        return Where(self.expressions.expression(), span=self._since(start))

    def project(self, start: Span) -> Operator:
        """Read the columns to keep and compute."""
        return Project(self.several(self.expressions.named), span=self._since(start))

    def extend(self, start: Span) -> Operator:
        """Read the columns to add."""
        return Extend(self.several(self.expressions.named), span=self._since(start))

    def project_away(self, start: Span) -> Operator:
        """Read the columns to drop."""
        return ProjectNames("away", column_names(self), span=self._since(start))

    def project_keep(self, start: Span) -> Operator:
        """Read the columns to keep."""
        return ProjectNames("keep", column_names(self), span=self._since(start))

    def project_reorder(self, start: Span) -> Operator:
        """Read the columns to move to the front."""
        names = column_names(self, ordered=True)
        return ProjectNames("reorder", names, span=self._since(start))

    def project_rename(self, start: Span) -> Operator:
        """Read `new = old` pairs."""
        items = self.several(self.expressions.named)
        for item in items:
            if item.name is None or not isinstance(item.expr, Name):
                raise Trouble("syntax", "project-rename takes `new = old`", item.span)
        return ProjectRename(items, span=self._since(start))

    def summarize(self, start: Span) -> Operator:
        """Read aggregates and groups; hints are refused."""
        self._no_parameters("summarize")
        aggregates: tuple[Named, ...] = ()
        if not self.stream.is_word("by"):
            aggregates = self.several(self.expressions.named)
        by = self.several(self.expressions.named) if self.stream.accept_word("by") else ()
        if not aggregates and not by:
            raise self.stream.unexpected("summarize needs an aggregate or `by`")
        return Summarize(aggregates, by, span=self._since(start))

    def sort(self, start: Span) -> Operator:
        """Read what to sort by."""
        self._no_parameters("sort")
        if not self.stream.accept_word("by"):
            self.stream.report(Trouble("syntax", "`by` is missing after sort", start, "did you mean sort by?"))
        return Sort(self.several(self._key), span=self._since(start))

    def top(self, start: Span) -> Operator:
        """Read a number and what to sort by."""
        self._no_parameters("top")
        count = self.number("top")
        self.stream.expect_word("by", "after the number of top")
        return Top(count, self._key(), span=self._since(start))

    def take(self, start: Span) -> Operator:
        """Read a number of rows."""
        return Take(self.number("take"), span=self._since(start))

    def count(self, start: Span) -> Operator:
        """Read nothing more."""
        return Count(span=self._since(start))

    def distinct(self, start: Span) -> Operator:
        """Read columns, or a star for all."""
        if self.stream.accept("*"):
            return Distinct((), span=self._since(start))
        return Distinct(self.several(self.expressions.named), span=self._since(start))

    def type_name(self) -> LiteralKind:
        """Read the name of a type."""
        word = self.stream.take_name("a type")
        if word.text not in TYPES:
            raise Trouble("unknown-type", f"{self.stream.shown(word)} is not a type known here", word.span)
        return TYPES[word.text]

    def join(self, start: Span) -> Operator:
        """Read kind, right side and keys; what is not said of the kind is Kusto's innerunique."""
        kind = self._kind("join", JOIN_KINDS, "innerunique")
        return self._joined(kind, start, lookup=False)

    def lookup(self, start: Span) -> Operator:
        """Read kind, right side and keys."""
        kind = self._kind("lookup", LOOKUP_KINDS, "leftouter")
        return self._joined(kind, start, lookup=True)

    def _kind(self, operator: str, known: frozenset[str], default: str) -> str:
        if not self.stream.accept_word("kind"):
            self._no_parameters(operator)
            return default
        self.stream.expect("=", "after kind")
        word = self.stream.take_name(f"the kind of {operator}")
        kind = OTHER_KINDS.get(word.text, word.text)
        if kind not in known:
            meant = KIND_HABITS.get(word.text.lower(), "")
            hint = f"did you mean {meant}?" if meant in known else nearest(word.text, known)
            hint = hint or f"kinds are {', '.join(sorted(known))}"
            raise Trouble("unknown-parameter", f"{operator} has no kind `{word.text[:40]}` here", word.span, hint)
        self._no_parameters(operator)
        return kind

    def _joined(self, kind: str, start: Span, *, lookup: bool) -> Operator:
        right = self._arm()
        self.stream.expect_word("on", "after what is joined")
        return Join(kind, right, self._join_keys(), lookup, span=self._since(start))

    def _join_keys(self) -> tuple[JoinKey, ...]:
        keys = [self._join_key()]
        while self.stream.accept(",") or self.stream.accept_word("and"):
            keys.append(self._join_key())
        return tuple(keys)

    def _join_key(self) -> JoinKey:
        start = self.stream.next.span
        if self.stream.next.kind != "name" or not self.stream.next.text.startswith("$"):
            name = self.expressions.name()
            return JoinKey(name, name, span=self._since(start))
        sides: dict[str, Name] = {}
        first = self._side(sides)
        self.stream.expect("==", f"after {first}")
        self._side(sides)
        if len(sides) != 2:
            raise Trouble("syntax", "a join key compares $left with $right", self._since(start))
        return JoinKey(sides["$left"], sides["$right"], span=self._since(start))

    def _side(self, sides: dict[str, Name]) -> str:
        side = self.stream.take_name("$left or $right")
        if side.text not in ("$left", "$right"):
            raise Trouble("syntax", "a join key compares $left with $right", side.span)
        self.stream.expect(".", f"after {side.text}")
        sides[side.text] = self.expressions.name()
        return side.text

    def union(self, start: Span) -> Operator:
        """Read further tables; `isfuzzy` and `kind=outer` change nothing here and are dropped."""
        source, inner = "", False
        while self.stream.is_word("isfuzzy", "kind", "withsource", "with_source"):
            name, value = self._union_parameter()
            if name.startswith("with"):
                source = value.text
            elif (name, value.text) not in UNION_PARAMETERS:
                raise Trouble("unknown-parameter", f"union {name}={value.text[:20]} is not known here", value.span)
            inner = inner or value.text == "inner"
        self._no_parameters("union")
        return Union(self.several(self._arm), source, inner, span=self._since(start))

    def _union_parameter(self) -> tuple[str, Token]:
        name = self.stream.take()
        self.stream.expect("=", f"after {name.text}")
        return name.text, self.stream.take_name(f"the value of {name.text}")

    def several(self, read: Callable[[], Item]) -> tuple[Item, ...]:
        """Read one or more, between commas."""
        items = [read()]
        while self.stream.accept(","):
            items.append(read())
        return tuple(items)

    def _key(self) -> SortKey:
        start = self.stream.next.span
        expr = self.expressions.expression()
        ascending = self.stream.accept_word("asc")
        if not ascending:
            self.stream.accept_word("desc")
        nulls_first = None
        if self.stream.accept_word("nulls"):
            nulls_first = self.stream.accept_word("first")
            if not nulls_first:
                self.stream.expect_word("last", "after nulls")
        # Kusto puts nulls first when ascending and last when descending: saying so is saying nothing.
        said = None if nulls_first is ascending else nulls_first
        return SortKey(expr, ascending, said, span=self._since(start))

    def number(self, after: str) -> int:
        """Read a plain number of rows."""
        token = self.stream.next
        found = self.expressions.expression()
        if isinstance(found, Name):
            found = self.constants.get(found.name, found)
        plain = isinstance(found, Literal) and found.kind in ("long", "int") and isinstance(found.value, int)
        if not plain or int(found.value or 0) < 0:  # type: ignore[attr-defined]
            raise Trouble("syntax", f"{after} takes a plain number of rows", token.span)
        return int(found.value or 0)  # type: ignore[attr-defined]

    def _no_parameters(self, operator: str) -> None:
        stream = self.stream
        if stream.next.kind != "name":
            return
        is_hint = stream.next.text == "hint" and stream.peek().text == "."
        if is_hint or (stream.next.text in _PARAMETERS.get(operator, ()) and stream.peek().text == "="):
            word = f"{stream.next.text}{stream.peek().text}{stream.peek(2).text}"
            raise Trouble("refused-parameter", f"{operator} {word[:40]} is refused", stream.next.span, "leave it out")

    def _since(self, start: Span) -> Span:
        return self.stream.since(start.start)


UNION_PARAMETERS = frozenset({("isfuzzy", "true"), ("isfuzzy", "false"), ("kind", "outer"), ("kind", "inner")})

OPERATORS: dict[str, Callable[[Steps, Span], Operator | None]] = {
    "where": Steps.where,
    "filter": Steps.where,
    "project": Steps.project,
    "project-away": Steps.project_away,
    "project-keep": Steps.project_keep,
    "project-rename": Steps.project_rename,
    "project-reorder": Steps.project_reorder,
    "extend": Steps.extend,
    "summarize": Steps.summarize,
    "sort": Steps.sort,
    "order": Steps.sort,
    "top": Steps.top,
    "take": Steps.take,
    "limit": Steps.take,
    "count": Steps.count,
    "distinct": Steps.distinct,
    "join": Steps.join,
    "lookup": Steps.lookup,
    "union": Steps.union,
    **TABULAR_OPERATORS,
}
"""Every operator that can be said."""
