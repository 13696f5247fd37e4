"""Types of expressions; every fault is reported with its place."""

from __future__ import annotations

import re2

from soc_analyst.tools.kql.calls import ToScalar
from soc_analyst.tools.kql.dispatch import by_kind
from soc_analyst.tools.kql.tabular import Expanded, MvExpand
from soc_analyst.tools.kql.tree import (
    Between,
    Binary,
    Call,
    Expr,
    Index,
    Literal,
    Logical,
    Member,
    Membership,
    Name,
    Named,
    Negative,
    Operator,
    Pipeline,
    Project,
    Span,
    Star,
)
from soc_analyst.tools.kql.trouble import instead
from soc_analyst.tools.kql.words import ARITHMETIC, COMPARISONS

from .arguments import Argument, judged
from .conversions import alike, as_text, constant, converted, quotient
from .dialect import dialect
from .frames import TIME, Frame, Kind
from .kinds import arithmetic, between, can_be, comparable, ordered
from .neighbours import function_like
from .scope import Bind, Scope

__all__ = ["Typist"]

_SEARCHED = frozenset({"string", "dynamic", "long", "int", "real"})
"""Kinds of the columns that `*` stands for."""
_MATCHES_ALL = frozenset({"has", "contains", "startswith", "endswith", "hasprefix", "hassuffix", "matches regex"})
MAX_OFFSET = 10_000
"""Rows between two that are compared."""

_REGEX_AT = {"extract": 0, "extract_all": 0, "replace_regex": 1, "trim": 0, "trim_start": 0, "trim_end": 0}
"""Which argument is a regular expression."""

_NOT_IN_PATHS = frozenset("\"'\\\n\r\x00")
_HINTS: dict[tuple[Kind, Kind], str] = {
    ("long", "string"): "write the number without quotes",
    ("int", "string"): "write the number without quotes",
    ("real", "string"): "write the number without quotes",
    ("datetime", "string"): "write datetime(2026-03-04T05:06:07Z)",
    ("bool", "string"): "write true or false without quotes",
    ("string", "long"): "write the value in quotes",
    ("string", "datetime"): "use todatetime()",
}


class Typist:
    """Finds the type of an expression over a frame, and rebuilds it where a spelling is old or a query is nested."""

    def __init__(
        self, scope: Scope, frame: Frame, bind: Bind, *, aggregates: bool = False, stars: bool = False
    ) -> None:
        self.scope = scope
        self.frame = frame
        self._bind = bind
        self._aggregates = aggregates
        self._stars = stars

    def bound(self, node: Expr) -> tuple[Expr, Kind]:
        """Return the expression as it will be run, and its type."""
        return self._bound(node)

    def predicate(self, node: Expr) -> Expr:
        """Return an expression that must be true or false."""
        found, kind = self.bound(node)
        if not can_be(kind, "bool"):
            self.scope.report(
                "type-mismatch", f"a condition is wanted, this is {kind}", node, "compare it with a value"
            )
        return found

    @by_kind
    def _bound(self, node: Expr) -> tuple[Expr, Kind]:
        self.scope.report("refused-expression", f"{type(node).__name__} cannot stand here", node)
        return node, "any"

    @_bound.register
    def _(self, node: Literal) -> tuple[Expr, Kind]:
        return node, node.kind

    @_bound.register
    def _(self, node: Name) -> tuple[Expr, Kind]:
        if node.name not in self.frame and node.name in self.scope.substitutes:
            return self.scope.substitute(node, self.frame)
        if node.name not in self.frame and node.name in self.scope.values:
            return node, self.scope.values[node.name]
        cell = self.scope.column(node, self.frame)
        return node, cell.kind if cell else "any"

    @_bound.register
    def _(self, node: Star) -> tuple[Expr, Kind]:
        self.scope.report("refused-star", "a star stands only in arg_max and arg_min", node, "name the columns")
        return node, "any"

    @_bound.register
    def _(self, node: Logical) -> tuple[Expr, Kind]:
        operands = [self.predicate(one) for one in node.operands]
        # What was written out in place of an operand may be of the same kind, which never stands within its own.
        flat = tuple(
            each
            for one in operands
            for each in (one.operands if isinstance(one, Logical) and one.op == node.op else (one,))
        )
        return Logical(node.op, flat, span=node.span), "bool"

    @_bound.register
    def _(self, node: Negative) -> tuple[Expr, Kind]:
        operand, kind = self.bound(node.operand)
        if not (can_be(kind, "number") or kind == "timespan"):
            self.scope.report("type-mismatch", f"there is no minus of {kind}", node)
        return Negative(operand, span=node.span), kind

    @_bound.register
    def _(self, node: Member) -> tuple[Expr, Kind]:
        if not node.name or set(node.name) & _NOT_IN_PATHS:
            # Engines write the way into a dynamic value as text of their own, in which these would mean something.
            self.scope.report("bad-name", "a property's name is not empty and holds no quote or backslash", node)
        return Member(self._dynamic(node.base), node.name, span=node.span), "dynamic"

    @_bound.register
    def _(self, node: Index) -> tuple[Expr, Kind]:
        index, kind = self.bound(node.index)
        if not can_be(kind, "long") or kind == "real":
            hint = "write the property in quotes"
            self.scope.report("type-mismatch", f"an index is a whole number, this is {kind}", node.index, hint)
        return Index(self._dynamic(node.base), index, span=node.span), "dynamic"

    def _dynamic(self, base: Expr) -> Expr:
        found, kind = self.bound(base)
        if not can_be(kind, "dynamic"):
            message = f"only a dynamic value has properties, this is {kind}"
            self.scope.report("type-mismatch", message, base, "use parse_json() first" if kind == "string" else "")
        return found

    @_bound.register
    def _(self, node: Binary) -> tuple[Expr, Kind]:
        if isinstance(node.left, Star) and self._stars:
            return self.bound(self._anywhere(node))
        left, left_kind = self.bound(node.left)
        right, right_kind = self.bound(node.right)
        if node.op in ("==", "!=") and not comparable(left_kind, right_kind):
            same = alike(left, left_kind, right, right_kind)
            if same is not None:
                return Binary(node.op, *same, span=node.span), "bool"
        found = Binary(node.op, left, right, span=node.span)
        if node.op == "/" and left_kind == "timespan" and right_kind in ("long", "int", "real"):
            return quotient(found), "timespan"
        if node.op in ARITHMETIC:
            return found, self._arithmetic(node, left_kind, right_kind)
        if node.op in COMPARISONS:
            self._compare(node, node.op, left_kind, right_kind)
        else:
            self._text(node, left_kind, right_kind)
        return found, "bool"

    def _anywhere(self, node: Binary) -> Expr:
        """Write `* has "x"` out as a test of each column here that can hold text."""
        kinds = {name: cell.kind for name, cell in self.frame.cells.items() if cell.kind in _SEARCHED}
        tests = tuple(
            Binary(node.op, Name(name) if kind == "string" else Call("tostring", (Name(name),)), node.right)
            for name, kind in kinds.items()
        )
        if len(tests) < 2:
            return tests[0] if tests else Literal("bool", False)
        return Logical("and" if node.op.startswith("!") else "or", tests, span=node.span)

    def _arithmetic(self, node: Binary, left: Kind, right: Kind) -> Kind:
        kind = arithmetic(node.op, left, right)
        if kind is None:
            hint = "use strcat()" if "string" in (left, right) else ""
            self.scope.report("type-mismatch", f"there is no {left} {node.op} {right}", node, hint)
        return kind or "any"

    def _compare(self, node: Expr, op: str, left: Kind, right: Kind) -> None:
        if not comparable(left, right):
            self.scope.report(
                "type-mismatch", f"{left} {op} {right} compares two types", node, _HINTS.get((left, right), "")
            )
        elif op not in ("<", "<=", ">", ">="):
            return
        elif "string" in (left, right):
            self.scope.report("type-mismatch", f"texts have no order: {op}", node, "use == or startswith")
        elif not ordered(left, right):
            known = left if right == "dynamic" else right
            message = f"a dynamic value has no order with {known}"
            self.scope.report("type-mismatch", message, node, f"convert it first, with to{known}()")

    def _text(self, node: Binary, left: Kind, right: Kind) -> None:
        for kind, side in ((left, node.left), (right, node.right)):
            if not can_be(kind, "string"):
                hint = "use == for a number" if can_be(kind, "number") else "use tostring()"
                self.scope.report("type-mismatch", f"{node.op} reads text, this is {kind}", side, hint)
        if isinstance(node.right, Literal) and node.right.kind == "string":
            self._pattern(node, str(node.right.value))

    def _pattern(self, node: Binary, text: str) -> None:
        if not text.strip() and node.op.removesuffix("_cs").removeprefix("!") in _MATCHES_ALL:
            self.scope.report(
                "empty-value", f"{node.op} with an empty text is true of every row", node, "use isnotempty()"
            )
        if node.op == "matches regex":
            self.regex(node.right)

    def regex(self, node: Expr) -> None:
        """Report a literal that is no regular expression."""
        if not isinstance(node, Literal) or not isinstance(node.value, str):
            return
        try:
            re2.compile(node.value, options=_QUIET)
        except re2.error as error:
            why = error.args[0].decode("utf-8", "replace") if error.args else "it cannot be read"
            self.scope.report("bad-regex", f"this is not a regular expression (RE2): {why[:120]}", node)

    @_bound.register
    def _(self, node: Between) -> tuple[Expr, Kind]:
        value, kind = self.bound(node.value)
        low, low_kind = self.bound(node.low)
        high, high_kind = self.bound(node.high)
        if not between(kind, low_kind, high_kind):
            message = f"{kind} between {low_kind} and {high_kind} is no range of one type"
            self.scope.report("type-mismatch", message, node, "convert the value first" if kind == "dynamic" else "")
        if kind == "datetime" and high_kind == "timespan" and self.scope.write_out(low, node):
            # Kusto reads a timespan as counted from the lower bound; written out, every engine does.
            high = Binary("+", low, high)
        return Between(value, low, high, node.negated, span=node.span), "bool"

    @_bound.register
    def _(self, node: Membership) -> tuple[Expr, Kind]:
        value, kind = self.bound(node.value)
        if node.pipeline is not None:
            return self._in_query(node, value, kind), "bool"
        items = tuple(self._item(node, item, kind) for item in node.items)
        return Membership(node.op, value, items, span=node.span), "bool"

    def _item(self, node: Membership, item: Expr, kind: Kind) -> Expr:
        found, item_kind = self.bound(as_text(item) if node.op.startswith("has_") else item)
        text_only = node.op in ("has_any", "has_all", "in~", "!in~")
        if text_only and not (can_be(kind, "string") and can_be(item_kind, "string")):
            self.scope.report("type-mismatch", f"{node.op} reads text, not {kind} and {item_kind}", item)
        elif not comparable(kind, item_kind):
            same = alike(node.value, kind, found, item_kind)
            if same is not None and same[0] is node.value:
                return same[1]
            hint = _HINTS.get((kind, item_kind), "")
            self.scope.report("type-mismatch", f"{kind} {node.op} {item_kind} compares two types", item, hint)
        if node.op.startswith("has_") and isinstance(item, Literal) and not str(item.value).strip():
            self.scope.report("empty-value", f"{node.op} with an empty text is true of every row", item)
        return found

    def _in_query(self, node: Membership, value: Expr, kind: Kind) -> Expr:
        assert node.pipeline is not None
        pipeline, frame = self._bind(node.pipeline)
        if frame.open:
            return Membership(node.op, value, (), pipeline, span=node.span)
        name, first = next(iter(frame.cells.items()), ("", None))
        if first is None or (len(frame.cells) > 1 and name == TIME):
            message = f"{node.op} needs a query of one column, this has {len(frame.cells)}"
            self.scope.report(
                "not-one-column", message, node.pipeline, "end it with `| project column` or `| distinct column`"
            )
            return Membership(node.op, value, (), pipeline, span=node.span)
        self.scope.usage.need(first.sources)
        if len(frame.cells) > 1:
            # Kusto compares with the first column; said outright, it does not depend on an engine's order of columns.
            pipeline = _then(pipeline, Project((Named(Name(name)),)))
        if first.kind == "dynamic" and kind == "string":
            # Kusto looks into arrays too; written as rows, so does any engine.
            pipeline = _then(pipeline, MvExpand((Expanded(Named(Name(name)), "string"),)))
        else:
            self._compare(node.value, "==", kind, first.kind)
        return Membership(node.op, value, (), pipeline, span=node.span)

    @_bound.register
    def _(self, node: ToScalar) -> tuple[Expr, Kind]:
        pipeline, frame = self._bind(node.pipeline)
        first = next(iter(frame.cells.values()), None)
        self.scope.usage.need(first.sources if first else ())
        return ToScalar(pipeline, span=node.span), first.kind if first else "any"

    @_bound.register
    def _(self, node: Call) -> tuple[Expr, Kind]:
        if node.name in self.scope.functions:
            from .functions import called  # what a function gives is bound here in turn

            return called(self, self._bind, node, self.scope.functions[node.name])
        if (conversion := converted(node)) is not None:
            return self.bound(conversion)
        words = dialect()
        name = words.spellings.get(node.name, node.name)
        signature = words.functions.get(name)
        if signature is None and self._aggregates:
            signature = words.aggregates.get(name)
        if signature is None and name in words.rows:
            signature = words.rows[name]
            self._over_rows(node)
        if signature is None:
            return self._unknown(node, name)
        # An aggregate may stand within a function, but never within another aggregate.
        inner = Typist(self.scope, self.frame, self._bind, aggregates=self._aggregates and name in words.functions)
        given = [Argument(arg, *inner.bound(arg)) for arg in node.args]
        args, kind = judged(self.scope, self.frame, node, signature, given)
        if name in _REGEX_AT and len(args) > _REGEX_AT[name]:
            self.regex(node.args[_REGEX_AT[name]])
        if (answer := constant(name, args)) is not None:
            return answer, "dynamic"
        if name in ("prev", "next") and kind == "string" and len(args) < 3:
            # Beyond the last row a text is empty in Kusto, never null.
            args = (args[0], *(args[1:] or (Literal("long", 1),)), Literal("string", ""))
        return Call(name, args, span=node.span), kind

    def _over_rows(self, node: Call) -> None:
        """Report a function of neighbouring rows where rows have none."""
        if self._aggregates or not self.frame.ordered:
            hint = "put `| sort by ...` or `| serialize` right before"
            self.scope.report("not-serialized", f"{node.name}() needs rows in an order", node, hint)
        offset = node.args[1] if node.name in ("prev", "next") and len(node.args) > 1 else Literal("long", 1)
        if not (isinstance(offset, Literal) and isinstance(offset.value, int) and 0 <= offset.value <= MAX_OFFSET):
            message = f"how far {node.name}() looks is a plain number up to {MAX_OFFSET:,}"
            self.scope.report("refused-arguments", message, offset)

    def _unknown(self, node: Call, name: str) -> tuple[Expr, Kind]:
        words, place = dialect(), Span(node.span.start, len(node.name))
        if name in words.refused:
            why = words.refused[name]
            self.scope.report("refused-function", f"`{name}` is refused: {why}", place, instead(why))
        elif name in words.aggregates:
            hint = f"write `| summarize {name}(...) by ...`"
            self.scope.report("unknown-function", f"`{name}` is an aggregate: it stands only in summarize", place, hint)
        else:
            hint = function_like(name, (*words.functions, *(words.aggregates if self._aggregates else ())))
            self.scope.report("unknown-function", f"`{name[:80]}` is not a function known here", place, hint)
        for arg in node.args:
            if not isinstance(arg, Star):
                self.bound(arg)
        return node, "any"


def _then(pipeline: Pipeline, step: Operator) -> Pipeline:
    return Pipeline(pipeline.source, (*pipeline.steps, step), span=pipeline.span)


_QUIET = re2.Options()
_QUIET.log_errors = False
