"""Our tree to the library's intermediate form, without its parser.

The library's generated parser takes most of the time of a translation, and half a second to import and warm up, while
our own parser has already read the same text. What is mapped here is an explicit list, held in tests to be exactly what
the library reads from the rendered text of the same tree (duckdb-kql 1.1.2, pinned to that version); for all else
`lowered` gives None and the text goes the long way.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from types import ModuleType
from typing import Any

from ..render import render_for_engine
from ..tree import (
    Between,
    Binary,
    Call,
    Count,
    Distinct,
    Expr,
    Extend,
    Index,
    Join,
    Let,
    Literal,
    Logical,
    Member,
    Membership,
    Name,
    Named,
    Node,
    Pipeline,
    Project,
    ProjectNames,
    ProjectRename,
    Query,
    Sort,
    SortKey,
    Star,
    Summarize,
    Table,
    Take,
    Top,
    Union,
    Where,
)  # fmt: skip
from ..words import ARITHMETIC, COMPARISONS, STRING_OPERATORS
from .additions import add_to
from .forgiving import forgive
from .grammar import GRAMMAR_WORDS
from .matching import speed_up
from .rows import ROW_TEMPLATES, add_row_functions

__all__ = ["NotMapped", "lowered", "translated", "translated_text"]

_BACKEND = "_soc_analyst_duckdb_kql"
"""The library's package under a second name, whose parts import without its parser."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

_VALUES = frozenset({"true", "false", "null", "nan"})
"""Words for values, which the grammar knows in several spellings."""

_SPAN = re.compile(r"\d+[dhms]\Z")

_BINARY = ARITHMETIC | COMPARISONS | STRING_OPERATORS

_IN = {"in": (False, False), "!in": (True, False), "in~": (False, True), "!in~": (True, True)}

_HAS = {"has_any": False, "has_all": True}

_FUNCTIONS = frozenset({
    "abs", "ago", "arg_max", "arg_min", "array_concat", "array_index_of", "array_length", "array_slice",
    "array_sort_asc", "array_sort_desc", "avg", "avgif", "bag_pack", "base64_decode_tostring",
    "base64_encode_tostring", "bin", "case", "ceiling", "coalesce", "count", "countif", "countof", "datetime_add",
    "datetime_diff", "datetime_part", "dayofmonth", "dayofweek", "dayofyear", "dcount", "dcountif", "endofday",
    "endofmonth", "endofweek", "exp", "extract", "extract_all", "floor", "format_datetime", "getmonth", "gettype",
    "getyear", "hash_md5", "hash_sha256", "hourofday", "iff", "iif", "indexof", "isempty", "isnotempty", "isnotnull",
    "isnull", "log", "log10", "log2", "make_datetime", "make_list", "make_set", "max", "max_of", "min", "min_of",
    "monthofyear", "not", "now", "pack", "pack_array", "parse_ipv4", "parse_json", "parse_url", "percentile", "pow",
    "replace_regex", "replace_string", "reverse", "round", "set_has_element", "sign", "split", "sqrt", "startofday",
    "startofmonth", "startofweek", "stdev", "strcat", "strcat_delim", "strlen", "substring", "sum", "sumif",
    "take_any", "tobool", "todatetime", "todouble", "todynamic", "toint", "tolong", "tolower", "toreal", "tostring",
    "totimespan", "toupper", "trim", "trim_end", "trim_start", "variance",
})  # fmt: skip
"""Functions that the library's grammar reads as a plain name and arguments."""


class NotMapped(Exception):
    """The tree holds something that is not mapped here."""


def translated(query: Query, schema: Mapping[str, Sequence[str]], now: datetime) -> tuple[str, dict[str, Any]]:
    """Return SQL and parameters, as the library's `to_sql(…, query_now=now)` does. Raise NotMapped, or its errors.

    The steps after lowering are those of its `to_sql`; its `qualify` leaves queries as they are where neither a
    database nor a cluster is named.
    """
    return _emitted(lowered(query), schema, now)


def translated_text(text: str, schema: Mapping[str, Sequence[str]], now: datetime) -> tuple[str, dict[str, Any]]:
    """Return the same by way of the library's own parser, which is slow to import and to run."""
    return _emitted(_part("lower").lower(text), schema, now)


def _emitted(tree: Any, schema: Mapping[str, Sequence[str]], now: datetime) -> tuple[str, dict[str, Any]]:
    emitter = _part("translate")
    add_row_functions(_part("translate.functions"))
    with emitter.clock(_part("params").as_datetime(now, "query_now")) as active:
        found = emitter.to_sql(tree, {table: list(names) for table, names in schema.items()})
        clock = {emitter.CLOCK_SLOT: active.moment} if active.used else {}
    return str(found), {**found.parameters, **clock}


def lowered(query: Query) -> Any:
    """Return the library's `ir.Query` for a tree. Raise NotMapped where the tree holds something else."""
    bound = [let.name for let in query.lets]
    if len(set(bound)) != len(bound):
        raise NotMapped("a name is bound twice")
    lowering = _Lowering(_part("ir"), frozenset(bound))
    found = lowering.pipeline(query.body)
    found.lets.extend(lowering.let(let) for let in query.lets)
    return found


@cache
def _part(name: str) -> Any:
    part = importlib.import_module(f"{_backend()}.{name}")
    if name == "translate":
        add_to(part, part.functions)
        speed_up(part)
        forgive(part, part.functions.AGGREGATE_FUNCTIONS)
    return part


@cache
def _backend() -> str:
    """Register the library's folder as a package that does not run its `__init__`, which imports the parser."""
    found = importlib.util.find_spec("duckdb_kql")
    if found is None or found.submodule_search_locations is None:
        raise ModuleNotFoundError("duckdb-kql is not installed", name="duckdb_kql")
    package = ModuleType(_BACKEND)
    package.__path__ = list(found.submodule_search_locations)
    sys.modules[_BACKEND] = package
    return _BACKEND


class _Lowering:
    def __init__(self, ir: Any, bound: frozenset[str]) -> None:
        self.ir = ir
        self.bound = bound

    def let(self, node: Let) -> tuple[str, Any]:
        if not isinstance(node.value, Pipeline) or not node.value.steps:
            raise NotMapped("a value bound by let")
        return _plain(node.name), self.pipeline(node.value)

    def pipeline(self, node: Pipeline) -> Any:
        if not isinstance(node.source, Table):
            raise NotMapped("a pipeline without a source")
        return self.ir.Query(self.ir.TableRef(_plain(node.source.name)), [self.step(step) for step in node.steps])

    def step(self, node: Node) -> Any:
        return _mapped(_STEPS, node)(self, node)

    def expr(self, node: Expr) -> Any:
        return _mapped(_EXPRESSIONS, node)(self, node)

    def named(self, items: Sequence[Named]) -> tuple[Any, ...]:
        return tuple(
            self.ir.NamedExpr(self.expr(item.expr), None if item.name is None else _plain(item.name)) for item in items
        )

    def exprs(self, nodes: Sequence[Expr]) -> tuple[Any, ...]:
        return tuple(self.expr(node) for node in nodes)

    # Steps

    def names(self, node: ProjectNames) -> Any:
        if node.how != "away":
            raise NotMapped(f"project-{node.how}")
        return self.ir.ProjectAway(tuple(_column(name) for name in node.names))

    def rename(self, node: ProjectRename) -> Any:
        pairs = [(item.expr, item.name) for item in node.items]
        return self.ir.ProjectRename(tuple((_column(old), _plain(new or "")) for old, new in pairs))

    def summarize(self, node: Summarize) -> Any:
        return self.ir.Summarize(self.named(node.aggregates), self.named(node.by))

    def distinct(self, node: Distinct) -> Any:
        if not node.items:
            raise NotMapped("distinct of all columns")
        return self.ir.Distinct(self.named(node.items))

    def key(self, node: SortKey) -> Any:
        """Map a key; the library's own reading takes a name that holds `asc` or `desc` for the order."""
        return self.ir.SortKey(self.expr(node.expr), ascending=node.ascending, nulls_first=node.nulls_first)

    def join(self, node: Join) -> Any:
        keys = tuple(self.ir.JoinKey(_plain(key.left.name), _plain(key.right.name)) for key in node.keys)
        kind = self.ir.Lookup if node.lookup else self.ir.Join
        return kind(self.pipeline(node.right), keys, node.kind)

    def union(self, node: Union) -> Any:
        return self.ir.Union(tuple(self.pipeline(arm) for arm in node.arms))

    # Expressions

    def literal(self, node: Literal) -> Any:
        if node.value is None or node.kind not in _LITERALS:
            raise NotMapped(f"a literal of type {node.kind}")
        return self.ir.Literal(_LITERALS[node.kind](node), node.kind)

    def logical(self, node: Logical) -> Any:
        first, *rest = self.exprs(node.operands)
        for one in rest:
            first = self.ir.BinaryOp(node.op, first, one)
        return first

    def binary(self, node: Binary) -> Any:
        if node.op not in _BINARY:
            raise NotMapped(node.op)
        return self.ir.BinaryOp(node.op, self.expr(node.left), self.expr(node.right))

    def call(self, node: Call) -> Any:
        if node.name not in _FUNCTIONS | ROW_TEMPLATES.keys() or (node.name == "count" and node.args):
            raise NotMapped(node.name)
        starred = node.name in ("arg_max", "arg_min")
        args = (self.ir.Wildcard() if starred and isinstance(arg, Star) else self.expr(arg) for arg in node.args)
        return self.ir.FunctionCall(node.name, tuple(args))

    def membership(self, node: Membership) -> Any:
        if node.pipeline is not None or not node.items:
            raise NotMapped("membership in a pipeline")
        # The library's grammar takes no comparison as an item, and a name that let binds as the rows it stands for.
        if any(not isinstance(item, Literal | Name | Call) for item in node.items):
            raise NotMapped("membership in what is computed")
        if any(isinstance(item, Name) and item.name in self.bound for item in node.items):
            raise NotMapped("membership in what let binds")
        value, items = self.expr(node.value), self.exprs(node.items)
        return self.ir.InList(value, items, *_IN[node.op]) if node.op in _IN else self._has(value, items, node.op)

    def _has(self, value: Any, items: tuple[Any, ...], op: str) -> Any:
        return self.ir.HasList(value, items, _HAS[op])

    def between(self, node: Between) -> Any:
        return self.ir.Between(self.expr(node.value), self.expr(node.low), self.expr(node.high), node.negated)

    def path(self, node: Member | Index) -> Any:
        steps: list[Any] = []
        base: Expr = node
        while isinstance(base, Member | Index):
            steps.append(self._path_step(base))
            base = base.base
        if not isinstance(base, Name | Call):
            raise NotMapped("a path from a computed value")
        return self.ir.PathAccess(self.expr(base), tuple(reversed(steps)))

    def _path_step(self, node: Member | Index) -> Any:
        if isinstance(node, Member):
            return self.ir.PathStep(name=_plain(node.name))
        if not isinstance(node.index, Literal) or node.index.kind != "long":
            raise NotMapped("a computed index")
        return self.ir.PathStep(index=self.expr(node.index))


def _mapped(table: Mapping[type, Callable[[_Lowering, Any], Any]], node: Node) -> Callable[[_Lowering, Any], Any]:
    found = table.get(type(node))
    if found is None:
        raise NotMapped(type(node).__name__)
    return found


def _plain(name: str) -> str:
    if not _PLAIN.match(name) or name in GRAMMAR_WORDS or name.lower() in _VALUES:
        raise NotMapped("a name that might be a word of the grammar")
    return name


def _column(node: Expr) -> str:
    if not isinstance(node, Name):
        raise NotMapped("an expression in place of a column")
    return _plain(node.name)


def _text(node: Literal) -> str:
    if not isinstance(node.value, str) or not node.value.isprintable():
        raise NotMapped("characters that do not print")
    return node.value


def _whole(node: Literal) -> int:
    if not isinstance(node.value, int) or not 0 <= node.value < 2**63:
        raise NotMapped("a number below zero")
    return node.value


def _real(node: Literal) -> float:
    if not isinstance(node.value, float) or not math.isfinite(node.value) or math.copysign(1, node.value) < 0:
        raise NotMapped("a number below zero")
    return node.value


def _moment(node: Literal) -> str:
    return render_for_engine(node).removeprefix("datetime(").removesuffix(")")


def _span(node: Literal) -> str:
    text = render_for_engine(node)
    if not _SPAN.match(text):
        raise NotMapped("a span of time below zero, or of small parts")
    return text


_LITERALS: dict[str, Callable[[Literal], Any]] = {
    "string": _text,
    "long": _whole,
    "real": _real,
    "bool": lambda node: node.value,
    "datetime": _moment,
    "timespan": _span,
}

_STEPS: dict[type, Callable[[_Lowering, Any], Any]] = {
    Where: lambda to, node: to.ir.Where(to.expr(node.predicate)),
    Project: lambda to, node: to.ir.Project(to.named(node.items)),
    ProjectNames: _Lowering.names,
    ProjectRename: _Lowering.rename,
    Extend: lambda to, node: to.ir.Extend(to.named(node.items)),
    Summarize: _Lowering.summarize,
    Sort: lambda to, node: to.ir.Sort(tuple(to.key(key) for key in node.keys)),
    Top: lambda to, node: to.ir.Top(node.count, (to.key(node.key),)),
    Take: lambda to, node: to.ir.Take(node.count),
    Count: lambda to, _: to.ir.Count(),
    Distinct: _Lowering.distinct,
    Join: _Lowering.join,
    Union: _Lowering.union,
}

_EXPRESSIONS: dict[type, Callable[[_Lowering, Any], Any]] = {
    Literal: _Lowering.literal,
    Name: lambda to, node: to.ir.ColumnRef(_plain(node.name)),
    Logical: _Lowering.logical,
    Binary: _Lowering.binary,
    Call: _Lowering.call,
    Membership: _Lowering.membership,
    Between: _Lowering.between,
    Member: _Lowering.path,
    Index: _Lowering.path,
}
