"""KQL text to our tree, or diagnostics; never an exception, whatever the text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from soc_analyst.state.queries import Diagnostic

from .expressions import Expressions
from .functions import Functions, Known
from .habits import FIRST_WORDS, STEP_WORDS
from .lexer import Lexed, Token, tokens_of
from .operators import OPERATORS, Steps
from .stream import MAX_NESTING, Stream
from .tree import Expr, Let, Name, Operator, Pipeline, Query, Source, Span, Table, Union, Unread
from .trouble import MAX_DIAGNOSTICS, Trouble, diagnose, nearest
from .walking import depth
from .words import REFUSED_SOURCES

__all__ = ["MAX_DEPTH", "MAX_TEXT", "Parsed", "covered", "parse"]

MAX_TEXT = 16_384
"""Code points of a query's text."""

KEPT = 128
"""Queries whose trees, which nothing changes, are kept."""

MAX_DEPTH = 120
"""Levels of the tree, so that whoever walks it later needs no more stack than this."""


@dataclass(frozen=True)
class Parsed:
    """The tree, or why there is none; `begun` is what could be read all the same, so that it can be judged too."""

    tree: Query | None
    diagnostics: tuple[Diagnostic, ...] = ()
    begun: Query | None = None
    unread: frozenset[str] = frozenset()
    """Names of bindings that could not be read."""


def parse(text: str, *, max_text: int = MAX_TEXT, max_nesting: int = MAX_NESTING) -> Parsed:
    """Read a query; every step that cannot be read gives its own diagnostic."""
    try:
        if len(text) <= min(max_text, MAX_TEXT):
            return _known(text, max_nesting)
        return _read(text, max_text, max_nesting)
    except Trouble as trouble:
        return Parsed(None, (trouble.diagnostic,))
    except Exception as error:  # noqa: BLE001 - no text may become an exception in the caller: not understood is refused
        what = f"the text cannot be read: {type(error).__name__}"
        return Parsed(None, (diagnose("not-understood", what, Span(0, 0)),))


@lru_cache(maxsize=KEPT)
def _known(text: str, max_nesting: int) -> Parsed:
    """Read a query once: guard, engine and each round read the same few texts."""
    return _read(text, MAX_TEXT, max_nesting)


def _read(text: str, max_text: int, max_nesting: int) -> Parsed:
    if len(text) > max_text:
        rest = Span(max_text, len(text) - max_text)
        raise Trouble("too-long", f"the text has {len(text):,} characters, at most {max_text:,} are read", rest)
    lexed = tokens_of(text)
    stream = Stream(lexed.tokens, max_nesting)
    reader = _Reader(stream)
    try:
        tree = reader.query()
    except Trouble as trouble:
        return Parsed(None, _in_order([*lexed.faults, *stream.problems, trouble.diagnostic], lexed))
    if depth(tree) > MAX_DEPTH:
        raise Trouble(
            "too-deep", f"the query is nested deeper than {MAX_DEPTH} levels", Span(0, 0), "flatten the query"
        )
    if lexed.faults or stream.problems:
        found = _in_order([*lexed.faults, *stream.problems], lexed)
        return Parsed(None, found, tree, frozenset(reader.unread))
    return Parsed(tree)


def _in_order(found: list[Diagnostic], lexed: Lexed) -> tuple[Diagnostic, ...]:
    """Return faults by place; where the characters are at fault, nothing more is said of the words they make."""
    kept = [one for one in found if one in lexed.faults or (one.start < lexed.cut and not covered(one, lexed.faults))]
    return tuple(sorted(dict.fromkeys(kept), key=lambda one: one.start)[:MAX_DIAGNOSTICS])


def covered(fault: Diagnostic, by: Iterable[Diagnostic]) -> bool:
    """Return whether a fault begins where one of these stands."""
    return any(one.start <= fault.start < one.start + max(one.length, 1) for one in by)


KEEPING = frozenset({"where", "filter", "sort", "order", "take", "limit", "top"})
"""Operators that leave the columns as they are."""


_START = "start with a table that `tables` lists"


class _Reader:
    """Reads statements and pipelines, going on at the next pipe after a fault."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.unread: set[str] = set()
        self.known = Known()
        self.expressions = Expressions(stream, self.pipeline, self._is_tabular)
        self.steps = Steps(stream, self.expressions, self._arm, self._elements, self.known.constants)
        self.functions = Functions(stream, self.expressions, self.known, self._let, self._let_value, self.pipeline)

    def query(self) -> Query:
        start = self.stream.next.start
        lets: list[Let] = []
        while self.stream.is_word("let"):
            if (let := self._let_or_fault()) is not None:
                lets.append(let)
        if self._at_end():
            self.stream.report(self.stream.unexpected("a query is missing", "start with a table, then `| where ...`"))
            return Query(tuple(lets), Pipeline(None, (Unread(),)), span=self.stream.since(start))
        body = self.pipeline()
        while self.stream.accept(";"):
            pass
        if not self._at_end():
            hint = "separate steps with `|`"
            self.stream.report(self.stream.unexpected("one query only, after its lets", hint))
        return Query(tuple(lets), body, span=self.stream.since(start))

    def _at_end(self) -> bool:
        return self.stream.next.kind == "end"

    def _let_or_fault(self) -> Let | None:
        """Read a let, or go past it; nothing is said later of the name it would have bound."""
        at, name = self.stream.at, self.stream.peek().text
        try:
            return self._let()
        except Trouble as trouble:
            self._recover(trouble, at, 0)
            self.unread.add(name)
            while not self._at_end() and not self.stream.is_sign(";"):
                self.stream.take()
                self._skip(self.stream.at)
            while self.stream.accept(";"):
                pass
            return None

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
            source, steps = self._source_or_fault()
            while self._pipe():
                self._append(steps)
                source = _moved(source, steps, self.stream.since(start))
            return Pipeline(source, tuple(steps), span=self.stream.since(start))
        finally:
            self.stream.leave()

    def _append(self, steps: list[Operator]) -> None:
        step = self._step()
        if step is not None:
            steps.append(step)

    def _elements(self) -> Pipeline:
        """Read the steps of mv-apply, which begin with no table."""
        self.stream.enter()
        start = self.stream.next.span.start
        steps: list[Operator] = []
        try:
            self._append(steps)
            while self._pipe():
                self._append(steps)
            return Pipeline(None, tuple(steps), span=self.stream.since(start))
        finally:
            self.stream.leave()

    def _source_or_fault(self) -> tuple[Source | None, list[Operator]]:
        at, level = self.stream.at, self.stream.level
        try:
            return self._source()
        except Trouble as trouble:
            self._recover(trouble, at, level)
            return None, [Unread(span=trouble.span)]

    def _pipe(self) -> bool:
        """Move past a pipe; one that was forgotten before an operator is noted."""
        stream = self.stream
        if stream.accept("|"):
            return True
        if not stream.is_word(*STEP_WORDS):
            return False
        word = stream.next.text
        code = "syntax" if stream.at and stream.peek(-1).kind == "name" else "unknown-operator"
        stream.report(Trouble(code, f"`|` is missing before `{word}`", stream.next.span, f"did you mean | {word}?"))
        return True

    def _step(self) -> Operator | None:
        stream, at, level = self.stream, self.stream.at, self.stream.level
        try:
            step = self.steps.step()
            if stream.next.kind != "end" and not stream.is_sign("|", ";", ")", "}") and not stream.is_word(*STEP_WORDS):
                stream.report(stream.unexpected("`|` is missing before the next step"))
                self._skip(stream.at)
            return step
        except Trouble as trouble:
            self._recover(trouble, at, level)
            return Unread(stream.tokens[at].text not in KEEPING, span=trouble.span)

    def _recover(self, trouble: Trouble, at: int, level: int) -> None:
        """Note a fault and go on after what began at a token; too deep is too deep for all that follows."""
        if trouble.diagnostic.code == "too-deep":
            raise trouble
        self.stream.report(trouble)
        self.stream.level = level
        self._skip(at)

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
            raise Trouble(
                "refused-source", f"`{token.text}` is refused: {REFUSED_SOURCES[token.text]}", token.span, _START
            )
        if token.kind == "name" and token.text.lower() in FIRST_WORDS and self._more_words():
            raise self._not_sql(token)
        if stream.is_word("union"):
            stream.take()
            return None, [self.steps.union(token.span)]
        if stream.accept("("):
            return self._parenthesised()
        return self._named_source(self.expressions.name()), []

    def _more_words(self) -> bool:
        after = self.stream.peek()
        return (after.kind == "name" and after.text not in STEP_WORDS) or (after.kind == "sign" and after.text == "*")

    def _not_sql(self, token: Token) -> Trouble:
        words = self.stream.tokens[self.stream.at :]
        after = [two.text for one, two in pairwise(words) if one.text.lower() == "from" and two.kind == "name"]
        table = after[0][:40] if after else "Table"
        hint = f"write {table} | where ... | project ..."
        return Trouble("refused-source", f"`{token.text}` begins no query of KQL", token.span, hint)

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
        if stream.is_sign("="):
            hint = "start with a table, then `| where column == value`"
            raise stream.unexpected("a query begins with the name of one table", hint)
        if stream.next.kind == "name" and not stream.is_word("on", *STEP_WORDS):
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
            raise Trouble(
                "refused-source", f"`{name.name}` is refused: {REFUSED_SOURCES[name.name]}", name.span, _START
            )
        return Pipeline(self._named_source(name), span=self.stream.since(start))


def _moved(source: Source | None, steps: list[Operator], span: Span) -> Source | None:
    """Return the source left once a last step, a union that asks about all rows, has those so far as an arm."""
    last = steps[-1] if steps else None
    if not isinstance(last, Union) or not (last.source or last.inner) or not (source or steps[1:]):
        return source
    so_far = Pipeline(source, tuple(steps[:-1]), span=span)
    steps[:] = [replace(last, arms=(so_far, *last.arms))]
    return None
