"""Tokens to scalar expressions."""

from __future__ import annotations

from collections.abc import Callable

from .calls import ToScalar
from .habits import EXPRESSION_HABITS, NEGATED, STEP_WORDS
from .lexer import Token
from .literals import dynamic_literal, number_literal, span_literal, typed_literal
from .stream import Stream
from .tree import (
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
    Pipeline,
    Span,
    Star,
)  # fmt: skip
from .trouble import Trouble, nearest
from .words import COMPARISONS, MEMBERSHIPS, STRING_OPERATORS

__all__ = ["Expressions"]

_OPERATOR_WORDS = sorted({*STRING_OPERATORS, *MEMBERSHIPS, "between", "!between"})
_OPERATOR_SIGNS = frozenset({*COMPARISONS, "=~", "!~", "<>", "in~", "!in", "!in~"})
_NO_OPERATORS = frozenset({
    "and", "or", "asc", "desc", "by", "on", "to", "nulls", "limit", "with", "of", "default", "from",
    "step",
})  # fmt: skip
"""Words that may follow an expression."""
_REFUSED_CALLS = {
    "materialize": "it stands only after `let name =`",
    "guid": "guids are text in these tables; compare with a string",
    "decimal": "use real or long",
}


class Expressions:
    """Reads expressions from a stream; `pipeline` reads a nested query where one may stand."""

    def __init__(self, stream: Stream, pipeline: Callable[[], Pipeline], is_tabular: Callable[[int], bool]) -> None:
        self.stream = stream
        self._pipeline = pipeline
        self._is_tabular = is_tabular

    def named(self) -> Named:
        """Read `name = expression` or an expression alone."""
        start = self.stream.next.start
        if self._names_follow():
            return self._several_names(start)
        if name := self._own_name():
            return Named(self.expression(), name, span=self.stream.since(start))
        return Named(self.expression(), span=self.stream.since(start))

    def _names_follow(self) -> bool:
        """Return whether names in parentheses come next, such as in `(When, What) = arg_max(..)`."""
        ahead = 1
        while self.stream.is_sign("(") and self.stream.peek(ahead).kind == "name":
            if _is(self.stream.peek(ahead + 1), ")"):
                return _is(self.stream.peek(ahead + 2), "=")
            if not _is(self.stream.peek(ahead + 1), ","):
                return False
            ahead += 2
        return False

    def _several_names(self, start: int) -> Named:
        stream = self.stream
        stream.take()
        names = [self.name().name]
        while stream.accept(","):
            names.append(self.name().name)
        stream.expect(")", "after the names")
        stream.expect("=", "after the names")
        expr = self.expression()
        if not isinstance(expr, Call) or expr.name not in ("arg_max", "arg_min"):
            what = "only arg_max and arg_min give several columns to name"
            raise Trouble("syntax", what, stream.since(start), "give one name")
        return Named(expr, names[0], tuple(names[1:]), span=stream.since(start))

    def _own_name(self) -> str | None:
        stream = self.stream
        if stream.next.kind == "name" and _is(stream.peek(), "="):
            name = stream.take().text
            stream.take()
            return name
        if stream.is_sign("[") and stream.peek().kind == "string" and _is(stream.peek(3), "="):
            name = self.name().name
            stream.take()
            return name
        return None

    def name(self) -> Name:
        """Read a plain or a bracketed name."""
        stream, start = self.stream, self.stream.next.start
        if stream.next.kind == "name":
            token = stream.take()
            if token.text.startswith("$"):
                raise Trouble("bad-name", f"{token.text} stands only in join keys", token.span)
            return Name(token.text, span=token.span)
        if stream.is_sign("[") and stream.peek().kind == "string":
            stream.take()
            text = stream.take().text
            stream.expect("]", "after the name")
            return Name(text, span=stream.since(start))
        raise stream.unexpected("a name is missing", "wildcards are refused" if stream.is_sign("*") else "")

    def expression(self) -> Expr:
        """Read a whole expression."""
        self.stream.enter()
        try:
            return self._logical("or")
        finally:
            self.stream.leave()

    def _logical(self, op: str) -> Expr:
        start = self.stream.next.start
        operands = [self._operand_of(op)]
        while self.stream.accept_word(op):
            operands.append(self._operand_of(op))
        if len(operands) == 1:
            return operands[0]
        flat = tuple(each for one in operands for each in _flat(one, op))
        return Logical("or" if op == "or" else "and", flat, span=self.stream.since(start))

    def _operand_of(self, op: str) -> Expr:
        return self._logical("and") if op == "or" else self._comparison()

    def _comparison(self) -> Expr:
        start = self.stream.next.start
        left = self._sum()
        operator = self._operator()
        if operator is None:
            return left
        if operator in ("between", "!between"):
            found: Expr = self._between(left, operator, start)
        elif operator in MEMBERSHIPS:
            found = self._membership(left, operator, start)
        else:
            found = Binary(operator, left, self._sum(), span=self.stream.since(start))
        if self._operator() is not None:
            raise self.stream.unexpected("a comparison cannot be compared again", "use parentheses, and / or")
        return found

    def _operator(self) -> str | None:
        """Read an operator that compares, if one comes next."""
        stream = self.stream
        token = stream.next
        if token.kind == "sign" and token.text in _OPERATOR_SIGNS:
            stream.take()
            return "!=" if token.text == "<>" else token.text
        if _is(token, "!") and stream.peek().kind == "name":
            stream.take()
            return self._word_operator("!", token.start)
        if _is(token, "="):
            what = "`=` gives a name; it does not compare"
            return self._meant(Trouble("syntax", what, token.span, "did you mean ==?"), "==", 1)
        if token.kind == "name" and token.text not in STEP_WORDS and token.text.lower() not in _NO_OPERATORS:
            return self._word_operator("", token.start)
        return None

    def _word_operator(self, bang: str, start: int) -> str | None:
        stream = self.stream
        word = bang + stream.next.text
        if not bang and word == "matches":
            matches = stream.take()
            if not stream.accept_word("regex"):
                what = "`regex` is missing after `matches`"
                stream.report(Trouble("syntax", what, matches.span, "did you mean matches regex?"))
            return "matches regex"
        if word in STRING_OPERATORS or word in MEMBERSHIPS or word in ("between", "!between"):
            stream.take()
            return word
        return self._word_meant(word, start)

    def _word_meant(self, word: str, start: int) -> str:
        """Note a word that compares elsewhere, and go on as if the right one stood there."""
        stream, lower, count = self.stream, word.lower(), 1
        meant = EXPRESSION_HABITS.get(lower) or (lower if lower in _OPERATOR_WORDS else "")
        if lower == "not" and stream.peek().text.lower() in NEGATED:
            negated = stream.peek().text.lower()
            meant, count = "!" + EXPRESSION_HABITS.get(negated, negated), 2
        hint = f"did you mean {meant}?" if meant else nearest(word, _OPERATOR_WORDS)
        last = stream.peek(count - 1)
        span = Span(start, last.start + last.length - start)
        message = f"`{word[:40]}` is not an operator of expressions; a step of the query begins with `|`"
        if lower == "is":
            raise Trouble("unknown-operator", message, span, "write isnull(column) or isnotnull(column)")
        trouble = Trouble("unknown-operator", message, span, hint)
        return self._meant(trouble, meant or hint.removeprefix("did you mean ").removesuffix("?"), count)

    def _meant(self, trouble: Trouble, operator: str, count: int) -> str:
        """Note a fault and move past what stands for an operator; raise it where none is meant."""
        if not operator:
            raise trouble
        self.stream.report(trouble)
        for _ in range(count):
            self.stream.take()
        return operator

    def _between(self, value: Expr, operator: str, start: int) -> Between:
        stream = self.stream
        if not stream.accept("("):
            raise stream.unexpected(f"`(` is missing after {operator}", f"write {operator} (low .. high)")
        low = self.expression()
        stream.expect("..", f"between the bounds of {operator}")
        high = self.expression()
        stream.expect(")", f"after the bounds of {operator}")
        return Between(value, low, high, operator.startswith("!"), span=stream.since(start))

    def _membership(self, value: Expr, operator: str, start: int) -> Membership:
        stream = self.stream
        stream.expect("(", f"after {operator}")
        if self._is_tabular(0) or (stream.is_sign("(") and self._is_tabular(1)):
            inner = stream.accept("(")
            pipeline = self._pipeline()
            if inner:
                stream.expect(")", "after the query")
            stream.expect(")", f"after {operator}")
            return Membership(operator, value, (), pipeline, span=stream.since(start))
        items = self._list(")")
        if not items:
            raise Trouble("empty-list", f"{operator} needs at least one value", stream.since(start))
        return Membership(operator, value, items, span=stream.since(start))

    def _sum(self) -> Expr:
        start = self.stream.next.start
        left = self._product()
        while self.stream.is_sign("+", "-"):
            op = self.stream.take().text
            left = Binary(op, left, self._product(), span=self.stream.since(start))
        return left

    def _product(self) -> Expr:
        start = self.stream.next.start
        left = self._signed()
        while self.stream.is_sign("*", "/", "%"):
            op = self.stream.take().text
            left = Binary(op, left, self._signed(), span=self.stream.since(start))
        return left

    def _signed(self) -> Expr:
        stream, start = self.stream, self.stream.next.start
        if stream.accept("+"):
            return self._signed_operand()
        if not stream.accept("-"):
            return self._path()
        operand = self._signed_operand()
        span = stream.since(start)
        if isinstance(operand, Literal) and operand.kind in ("long", "real", "timespan") and operand.value is not None:
            assert isinstance(operand.value, int | float)
            return Literal(operand.kind, -operand.value, span=span)
        return Negative(operand, span=span)

    def _signed_operand(self) -> Expr:
        if self.stream.is_sign("-", "+"):
            raise self.stream.unexpected("one sign is enough")
        return self._path()

    def _path(self) -> Expr:
        stream, start = self.stream, self.stream.next.start
        found = self._primary()
        for _ in range(64):
            if stream.accept("."):
                found = self._property(found, start)
            elif stream.is_sign("["):
                found = self._element(found, start)
            else:
                return found
        raise Trouble("too-deep", "a path of more than 64 steps", stream.since(start))

    def _property(self, base: Expr, start: int) -> Expr:
        if self.stream.is_sign("["):
            return self._element(base, start)  # `Bag.[0]` and `Bag.["name"]` are other ways to write `Bag[0]`
        return Member(base, self.name().name, span=self.stream.since(start))

    def _element(self, base: Expr, start: int) -> Expr:
        stream = self.stream
        stream.take()
        inside = self.expression()
        stream.expect("]", "after the index")
        if isinstance(inside, Literal) and inside.kind == "string":
            return Member(base, str(inside.value), span=stream.since(start))
        return Index(base, inside, span=stream.since(start))

    def _primary(self) -> Expr:
        stream, token = self.stream, self.stream.next
        if token.kind == "string":
            return self._strings()
        if token.kind in ("number", "span", "typed"):
            stream.take()
            read = {"number": number_literal, "span": span_literal, "typed": typed_literal}[token.kind]
            return read(token)
        if token.kind == "name":
            return self._name_or_call()
        if stream.is_sign("["):
            return self.name()
        if stream.accept("("):
            inside = self.expression()
            stream.expect(")", "to close the parenthesis")
            return inside
        ahead = stream.peek(2) if _is(stream.peek(), "!") else stream.peek()
        if stream.is_sign("*") and ahead.kind == "name" and (ahead.text in STRING_OPERATORS or ahead.text == "matches"):
            return Star(span=stream.take().span)
        stars = "stars are allowed only in arg_max and arg_min" if stream.is_sign("*") else ""
        raise stream.unexpected("a value is missing", stars)

    def _strings(self) -> Literal:
        """Read adjacent strings as the one they make together."""
        start = self.stream.next.start
        text = ""
        while self.stream.next.kind == "string":
            text += self.stream.take().text
        return Literal("string", text, span=self.stream.since(start))

    def _name_or_call(self) -> Expr:
        stream, token = self.stream, self.stream.next
        if token.text in ("true", "false"):
            return Literal("bool", stream.take().text == "true", span=token.span)
        if not _is(stream.peek(), "("):
            return self.name()
        if token.text == "toscalar":
            return self._to_scalar()
        if token.text in _REFUSED_CALLS:
            raise Trouble("refused-function", f"`{token.text}` is refused: {_REFUSED_CALLS[token.text]}", token.span)
        stream.take()
        stream.take()
        if token.text == "dynamic":
            return dynamic_literal(stream, token.start)
        args = self._list(")")
        return Call(token.text, args, span=stream.since(token.start))

    def _to_scalar(self) -> Expr:
        stream, start = self.stream, self.stream.take().span.start
        stream.expect("(", "after toscalar")
        pipeline = self._pipeline()
        stream.expect(")", "after the query")
        return ToScalar(pipeline, span=stream.since(start))

    def _list(self, close: str) -> tuple[Expr, ...]:
        stream = self.stream
        items: list[Expr] = []
        while not stream.accept(close):
            if items:
                stream.expect(",", "between the values")
            star = stream.is_sign("*") and stream.peek().text in (close, ",")
            items.append(Star(span=stream.take().span) if star else self.expression())
        return tuple(items)


def _is(token: Token, sign: str) -> bool:
    return token.kind == "sign" and token.text == sign


def _flat(expr: Expr, op: str) -> tuple[Expr, ...]:
    return expr.operands if isinstance(expr, Logical) and expr.op == op else (expr,)
