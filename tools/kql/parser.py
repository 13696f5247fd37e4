"""KQL text to our tree, or diagnostics; never an exception, whatever the text."""

from __future__ import annotations

from dataclasses import dataclass, replace

from soc_analyst.state.queries import Diagnostic

from .expressions import Expressions
from .functions import Functions, Known
from .lexer import Token, tokens_of
from .operators import OPERATORS, Steps
from .stream import MAX_NESTING, Stream
from .tree import Expr, Let, Name, Operator, Pipeline, Query, Source, Span, Table, Union, depth
from .trouble import Trouble, diagnose, nearest
from .words import REFUSED_SOURCES

__all__ = ["MAX_DEPTH", "MAX_TEXT", "Parsed", "parse"]

MAX_TEXT = 16_384
"""Code points of a query's text."""

MAX_DEPTH = 120
"""Levels of the tree, so that whoever walks it later needs no more stack than this."""

MAX_DIAGNOSTICS = 20


@dataclass(frozen=True)
class Parsed:
    """The tree, or why there is none; `begun` is what was read before the first fault, so that it can be judged too."""

    tree: Query | None
    diagnostics: tuple[Diagnostic, ...] = ()
    begun: Query | None = None


def parse(text: str, *, max_text: int = MAX_TEXT, max_nesting: int = MAX_NESTING) -> Parsed:
    """Read a query; every step that cannot be read gives its own diagnostic."""
    try:
        return _read(text, max_text, max_nesting)
    except Trouble as trouble:
        return Parsed(None, (trouble.diagnostic,))
    except Exception as error:  # noqa: BLE001 - no text may become an exception in the caller: not understood is refused
        what = f"the text cannot be read: {type(error).__name__}"
        return Parsed(None, (diagnose("not-understood", what, Span(0, 0)),))


def _read(text: str, max_text: int, max_nesting: int) -> Parsed:
    if len(text) > max_text:
        rest = Span(max_text, len(text) - max_text)
        raise Trouble("too-long", f"the text has {len(text):,} characters, at most {max_text:,} are read", rest)
    reader = _Reader(Stream(tokens_of(text), max_nesting))
    tree = reader.query()
    if depth(tree) > MAX_DEPTH:
        raise Trouble(
            "too-deep", f"the query is nested deeper than {MAX_DEPTH} levels", Span(0, 0), "flatten the query"
        )
    if reader.problems:
        return Parsed(None, tuple(reader.problems[:MAX_DIAGNOSTICS]), tree)
    return Parsed(tree)


class _Reader:
    """Reads statements and pipelines, going on at the next pipe after a fault."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.problems: list[Diagnostic] = []
        self.known = Known()
        self.expressions = Expressions(stream, self.pipeline, self._is_tabular)
        self.steps = Steps(stream, self.expressions, self._arm, self._elements, self.known.constants)
        self.functions = Functions(stream, self.expressions, self.known, self._let, self._let_value, self.pipeline)

    def query(self) -> Query:
        start = self.stream.next.start
        lets: list[Let] = []
        while self.stream.is_word("let"):
            lets.append(self._let())
        if self.stream.next.kind == "end":
            raise self.stream.unexpected("a query is missing", "start with a table, then `| where ...`")
        body = self.pipeline()
        while self.stream.accept(";"):
            pass
        if not self._at_end():
            raise self.stream.unexpected("one query only, after its lets", "separate steps with `|`")
        return Query(tuple(lets), body, span=self.stream.since(start))

    def _at_end(self) -> bool:
        return self.stream.next.kind == "end"

    def _let(self) -> Let:
        start = self.stream.take().start
        name = self.expressions.name()
        self.stream.expect("=", "after the name of let")
        value = self.functions.definition() if self.functions.starts() else self._let_value()
        self.stream.expect(";", "after let")
        while self.stream.accept(";"):
            pass
        let = Let(name.name, value, span=self.stream.since(start))
        self.known.add(let)
        return let

    def _let_value(self) -> Expr | Pipeline:
        stream = self.stream
        if stream.is_word("materialize") and stream.peek().text == "(":
            # The same rows either way: the engine may compute a binding once, it need not.
            stream.take()
            stream.take()
            pipeline = self.pipeline()
            stream.expect(")", "after materialize")
            return pipeline
        name, after = self._start(0)
        ends = after.kind == "sign" and after.text in (";", "}")
        bare = ends and name not in {*self.known.scalar, "true", "false", ""}
        if bare or self._is_tabular(0) or (stream.is_sign("(") and self._is_tabular(1)):
            return self.pipeline()
        return self.expressions.expression()

    def _start(self, ahead: int) -> tuple[str, Token]:
        """Return the plain or bracketed name that stands so many tokens ahead, empty if none, and what follows it."""
        first = self.stream.peek(ahead)
        if first.kind == "sign" and first.text == "[" and self.stream.peek(ahead + 1).kind == "string":
            return self.stream.peek(ahead + 1).text, self.stream.peek(ahead + 3)
        return (first.text if first.kind == "name" else ""), self.stream.peek(ahead + 1)

    def _is_tabular(self, ahead: int) -> bool:
        """Return whether a pipeline starts so many tokens ahead."""
        name, after = self._start(ahead)
        if not name or name in self.known.scalar:
            return False
        if name in self.known.tabular or name in self.known.functions or name == "union":
            return True
        if name in REFUSED_SOURCES and after.kind in ("name", "sign") and after.text not in (")", ",", ";"):
            return True
        return after.kind == "sign" and after.text == "|"

    def pipeline(self) -> Pipeline:
        self.stream.enter()
        try:
            start = self.stream.next.start
            source, steps = self._source()
            while self.stream.accept("|"):
                self._append(steps)
                source = _moved(source, steps, self.stream.since(start))
            return Pipeline(source, tuple(steps), span=self.stream.since(start))
        finally:
            self.stream.leave()

    def _append(self, steps: list[Operator]) -> None:
        step = self._step()
        # After a fault nothing more is kept: what follows may rest on what could not be read.
        if step is not None and not self.problems:
            steps.append(step)

    def _elements(self) -> Pipeline:
        """Read the steps of mv-apply, which begin with no table."""
        self.stream.enter()
        start = self.stream.next.span.start
        steps: list[Operator] = []
        try:
            self._append(steps)
            while self.stream.accept("|"):
                self._append(steps)
            return Pipeline(None, tuple(steps), span=self.stream.since(start))
        finally:
            self.stream.leave()

    def _step(self) -> Operator | None:
        at, level = self.stream.at, self.stream.level
        try:
            step = self.steps.step()
            if self.stream.next.kind != "end" and not self.stream.is_sign("|", ";", ")", "}"):
                raise self.stream.unexpected("`|` is missing before the next step")
            return step
        except Trouble as trouble:
            self.problems.append(trouble.diagnostic)
            self.stream.level = level
            self.stream.at = max(self.stream.at, at)
            self._skip(at)
            return None

    def _skip(self, at: int) -> None:
        """Go to the end of the step that began at a token: the next pipe, end or closing parenthesis of its level."""
        self.stream.at = at
        level = 0
        while self.stream.next.kind != "end":
            level += self.stream.is_sign("(", "[", "{") - self.stream.is_sign(")", "]", "}")
            if level < 0 or (level == 0 and self.stream.is_sign("|", ";")):
                return
            self.stream.take()

    def _source(self) -> tuple[Source | None, list[Operator]]:
        stream = self.stream
        token = stream.next
        if stream.is_sign("."):
            raise Trouble("refused-command", "commands to the service are refused", token.span, "start with a table")
        if token.kind == "name" and token.text in REFUSED_SOURCES:
            raise Trouble("refused-source", f"`{token.text}` is refused: {REFUSED_SOURCES[token.text]}", token.span)
        if stream.is_word("union"):
            stream.take()
            return None, [self.steps.union(token.span)]
        if stream.accept("("):
            return self._parenthesised()
        return self._named_source(self.expressions.name()), []

    def _named_source(self, name: Name) -> Source:
        if name.name in self.known.functions and self.stream.is_sign("("):
            return self.functions.invocation(name)
        return Table(self._table_name(name), span=name.span)

    def _table_name(self, name: Name) -> str:
        stream = self.stream
        if stream.is_sign("("):
            what = f"`{name.name[:40]}(...)` as a source is refused: only tables of the policy can be read"
            raise Trouble("refused-source", what, name.span, "start with a table")
        if stream.is_sign(".", "*"):
            raise Trouble("refused-source", "a source is the plain name of one table", name.span, "start with a table")
        if stream.next.kind == "name" and not stream.is_word("on"):
            hint = nearest(name.name, ("let", *OPERATORS))
            raise stream.unexpected(f"`|` is missing after `{name.name[:40]}`", hint)
        return name.name

    def _parenthesised(self) -> tuple[Source | None, list[Operator]]:
        """Read `(T | ...)` as if the parentheses were not there, since the steps go on with the same rows."""
        inner = self.pipeline()
        self.stream.expect(")", "after the query")
        return inner.source, list(inner.steps)

    def _arm(self) -> Pipeline:
        """Read a table, or a pipeline in parentheses."""
        start = self.stream.next.start
        if self.stream.accept("("):
            pipeline = self.pipeline()
            self.stream.expect(")", "after the query")
            return pipeline
        name = self.expressions.name()
        if name.name in REFUSED_SOURCES:
            raise Trouble("refused-source", f"`{name.name}` is refused: {REFUSED_SOURCES[name.name]}", name.span)
        return Pipeline(self._named_source(name), span=self.stream.since(start))


def _moved(source: Source | None, steps: list[Operator], span: Span) -> Source | None:
    """Return the source left once a last step, a union that asks about all rows, has those so far as an arm."""
    last = steps[-1] if steps else None
    if not isinstance(last, Union) or not (last.source or last.inner) or not (source or steps[1:]):
        return source
    so_far = Pipeline(source, tuple(steps[:-1]), span=span)
    steps[:] = [replace(last, arms=(so_far, *last.arms))]
    return None
