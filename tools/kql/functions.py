"""Tokens to the functions that a query defines, and to the calls of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .calls import Function, Invocation, Parameter
from .expressions import Expressions
from .operators import TYPES
from .stream import Stream
from .tree import Expr, Let, Literal, LiteralKind, Name, Pipeline
from .trouble import Trouble, nearest

__all__ = ["Functions", "Known"]


class Known:
    """The names bound so far, by what they stand for."""

    def __init__(self) -> None:
        self.scalar: set[str] = set()
        self.tabular: set[str] = set()
        self.constants: dict[str, Literal] = {}
        self.functions: dict[str, tuple[Parameter, ...]] = {}
        """Those that give a table, with what they take."""

    def add(self, let: Let) -> None:
        """Note what a let binds."""
        if isinstance(let.value, Function):
            if isinstance(let.value.body, Pipeline):
                self.functions[let.name] = let.value.parameters
                self.tabular |= set() if let.value.parameters else {let.name}
        elif isinstance(let.value, Pipeline):
            self.tabular.add(let.name)
        else:
            self.scalar.add(let.name)
            if isinstance(let.value, Literal):
                self.constants[let.name] = let.value


class Functions:
    """Reads definitions; `let` reads one binding, `value` what may stand after its sign, `pipeline` a table."""

    def __init__(
        self,
        stream: Stream,
        expressions: Expressions,
        known: Known,
        let: Callable[[], Let],
        value: Callable[[], Expr | Pipeline],
        pipeline: Callable[[], Pipeline],
    ) -> None:
        self.stream, self.expressions, self.known = stream, expressions, known
        self._let, self._value, self._pipeline = let, value, pipeline
        self._within = False

    def starts(self) -> bool:
        """Return whether a definition comes next."""
        first, second, third = self.stream.next, self.stream.peek(), self.stream.peek(2)
        if first.kind == "name" and first.text == "view" and second.text == "(":
            return True
        if not self.stream.is_sign("("):
            return False
        return second.text == ")" or (second.kind == "name" and third.kind == "sign" and third.text == ":")

    def definition(self) -> Function:
        """Read parameters, bindings and what the function gives."""
        stream, start = self.stream, self.stream.next.span
        if self._within:
            raise Trouble("refused-let", "a function within a function is not known here", start, "define it before")
        stream.accept_word("view")
        stream.expect("(", "before the parameters")
        parameters = tuple(self._parameters())
        stream.expect("{", "before the body of the function")
        self._within, before = True, self._with(parameters)
        try:
            lets, body = self._body()
        finally:
            self._within, self.known.__dict__ = False, before
        return Function(parameters, lets, body, span=stream.since(start.start))

    def _with(self, parameters: Iterable[Parameter]) -> dict[str, object]:
        """Make the parameters known, and return what was known before."""
        before = {name: value.copy() for name, value in vars(self.known).items()}
        for parameter in parameters:
            (self.known.tabular if parameter.kind == "table" else self.known.scalar).add(parameter.name)
            self.known.constants.pop(parameter.name, None)
        return before

    def _body(self) -> tuple[tuple[Let, ...], Expr | Pipeline]:
        lets: list[Let] = []
        while self.stream.is_word("let"):
            lets.append(self._let())
        body = self._value()
        while self.stream.accept(";"):
            pass
        self.stream.expect("}", "after the body of the function")
        return tuple(lets), body

    def _parameters(self) -> Iterable[Parameter]:
        while not self.stream.accept(")"):
            yield self._parameter()
            if not self.stream.is_sign(")"):
                self.stream.expect(",", "between the parameters")

    def _parameter(self) -> Parameter:
        stream, start = self.stream, self.stream.next.span.start
        name = self.expressions.name().name
        stream.expect(":", "after the name of a parameter")
        if stream.accept("("):
            columns = self._columns()
            return Parameter(name, "table", None, columns, span=stream.since(start))
        kind = self._type()
        default: Literal | None = None
        if stream.accept("="):
            value = self.expressions.expression()
            if not isinstance(value, Literal):
                raise Trouble("syntax", "the default of a parameter is a plain value", value.span)
            default = value
        return Parameter(name, kind, default, span=stream.since(start))

    def _columns(self) -> tuple[tuple[str, LiteralKind], ...] | None:
        stream = self.stream
        if stream.accept("*"):
            stream.expect(")", "after the columns")
            return None
        columns: list[tuple[str, LiteralKind]] = []
        while not stream.accept(")"):
            name = self.expressions.name().name
            stream.expect(":", "after the name of a column")
            columns.append((name, self._type()))
            if not stream.is_sign(")"):
                stream.expect(",", "between the columns")
        return tuple(columns)

    def _type(self) -> LiteralKind:
        word = self.stream.take_name("a type")
        if word.text not in TYPES:
            hint = nearest(word.text, TYPES)
            raise Trouble("unknown-type", f"{self.stream.shown(word)} is not a type known here", word.span, hint)
        return TYPES[word.text]

    def invocation(self, name: Name) -> Invocation:
        """Read the arguments of a function that gives a table."""
        stream = self.stream
        stream.expect("(", f"after {name.name[:40]}")
        parameters = self.known.functions[name.name]
        args: list[Expr | Pipeline] = []
        while not stream.accept(")"):
            if args:
                stream.expect(",", "between the arguments")
            is_table = len(args) < len(parameters) and parameters[len(args)].kind == "table"
            args.append(self._pipeline() if is_table else self.expressions.expression())
        return Invocation(name.name, tuple(args), span=stream.since(name.span.start))
