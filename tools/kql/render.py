"""Tree to text: the one canonical form, in the spelling of the service or of the embedded engine."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from typing import Any

from .calls import ToScalar
from .dispatch import by_kind
from .literals import span_text
from .render_tabular import TABULAR
from .tree import (
    Between,
    Binary,
    Call,
    Count,
    Distinct,
    Expr,
    Extend,
    Index,
    Join,
    JoinKey,
    Let,
    Literal,
    Logical,
    Member,
    Membership,
    Name,
    Named,
    Negative,
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
from .words import is_plain_name

__all__ = ["quoted", "render", "render_for_engine"]

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_COMPOUND = (Logical, Binary, Between, Membership, Negative)


def _binding(op: str) -> int:
    """Return how tightly an arithmetic operator binds, and 0 for all others, which never chain."""
    return {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2}.get(op, 0)


def quoted(text: str) -> str:
    """Return text as a KQL string literal; whatever does not show on a page is written as an escape."""
    return '"' + "".join(_ESCAPES.get(one) or _visible(one) for one in text) + '"'


def _visible(one: str) -> str:
    if one == " " or unicodedata.category(one)[0] not in "CZ":
        return one
    return f"\\u{ord(one):04x}" if ord(one) <= 0xFFFF else f"\\U{ord(one):08x}"


def _quoted_for_engine(text: str) -> str:
    """Return text as the embedded engine reads it: its parser knows no `\\u` escapes, and takes the characters raw."""
    return '"' + "".join(_ESCAPES.get(one, one) for one in text) + '"'


def render(tree: Query) -> str:
    """Return the canonical text: one step a line, no comments, every default written out or left out alike."""
    return _Renderer(quoted).text(tree)


def render_for_engine(tree: Node) -> str:
    """Return the same query, or a part of one, in the spelling that the embedded engine's parser understands."""
    return _Renderer(_quoted_for_engine, fraction=6).text(tree)


class _Renderer:
    def __init__(self, quote: Callable[[str], str], fraction: int = 7) -> None:
        self.quote = quote
        self.fraction = fraction

    @by_kind
    def text(self, node: Node) -> str:
        return TABULAR[type(node)](self, node)

    @text.register
    def _(self, node: Query) -> str:
        return "".join(f"{self.text(let)}\n" for let in node.lets) + self.pipeline(node.body, "\n| ")

    @text.register
    def _(self, node: Let) -> str:
        return f"let {self.name(node.name)} = {self.text(node.value)};"

    @text.register
    def _(self, node: Pipeline) -> str:
        return self.pipeline(node, " | ")

    @text.register
    def _(self, node: Table) -> str:
        return self.name(node.name)

    def pipeline(self, node: Pipeline, pipe: str) -> str:
        steps = [self.text(step) for step in node.steps]
        return pipe.join(steps if node.source is None else [self.name(node.source.name), *steps])

    def name(self, name: str) -> str:
        return name if is_plain_name(name) else f"[{self.quote(name)}]"

    def several(self, nodes: tuple[Node, ...]) -> str:
        return ", ".join(self.text(node) for node in nodes)

    def arm(self, node: Pipeline) -> str:
        return self.text(node) if node.source and not node.steps else f"({self.text(node)})"

    def operand(self, node: Expr) -> str:
        """Return an operand, in parentheses wherever they could matter to any reader."""
        text = self.text(node)
        signed = isinstance(node, Literal) and text.startswith("-")
        return f"({text})" if signed or isinstance(node, _COMPOUND) else text

    # Steps

    @text.register
    def _(self, node: Where) -> str:
        return f"where {self.text(node.predicate)}"

    @text.register
    def _(self, node: Project) -> str:
        return f"project {self.several(node.items)}"

    @text.register
    def _(self, node: ProjectNames) -> str:
        return f"project-{node.how} {self.several(node.names)}"

    @text.register
    def _(self, node: ProjectRename) -> str:
        return f"project-rename {self.several(node.items)}"

    @text.register
    def _(self, node: Extend) -> str:
        return f"extend {self.several(node.items)}"

    @text.register
    def _(self, node: Summarize) -> str:
        parts = [self.several(node.aggregates)] if node.aggregates else []
        return " ".join(["summarize", *parts, *([f"by {self.several(node.by)}"] if node.by else [])])

    @text.register
    def _(self, node: SortKey) -> str:
        order = "asc" if node.ascending else "desc"
        nulls = {None: "", True: " nulls first", False: " nulls last"}[node.nulls_first]
        return f"{self.text(node.expr)} {order}{nulls}"

    @text.register
    def _(self, node: Sort) -> str:
        return f"sort by {self.several(node.keys)}"

    @text.register
    def _(self, node: Top) -> str:
        return f"top {node.count} by {self.text(node.key)}"

    @text.register
    def _(self, node: Take) -> str:
        return f"take {node.count}"

    @text.register
    def _(self, _: Count) -> str:
        return "count"

    @text.register
    def _(self, node: Distinct) -> str:
        return f"distinct {self.several(node.items) or '*'}"

    @text.register
    def _(self, node: JoinKey) -> str:
        left, right = self.name(node.left.name), self.name(node.right.name)
        return left if left == right else f"$left.{left} == $right.{right}"

    @text.register
    def _(self, node: Join) -> str:
        word = "lookup" if node.lookup else "join"
        return f"{word} kind={node.kind} {self.arm(node.right)} on {self.several(node.keys)}"

    @text.register
    def _(self, node: Union) -> str:
        inner = "kind=inner " if node.inner else ""
        source = f"withsource={self.name(node.source)} " if node.source else ""
        return f"union {inner}{source}{', '.join(self.arm(arm) for arm in node.arms)}"

    # Expressions

    @text.register
    def _(self, node: Named) -> str:
        if node.more and node.name is not None:
            names = ", ".join(self.name(name) for name in (node.name, *node.more))
            return f"({names}) = {self.text(node.expr)}"
        return self.text(node.expr) if node.name is None else f"{self.name(node.name)} = {self.text(node.expr)}"

    @text.register
    def _(self, node: Name) -> str:
        return self.name(node.name)

    @text.register
    def _(self, _: Star) -> str:
        return "*"

    @text.register
    def _(self, node: Logical) -> str:
        return f" {node.op} ".join(self._logical_operand(one) for one in node.operands)

    def _logical_operand(self, node: Expr) -> str:
        text = self.text(node)
        return f"({text})" if isinstance(node, Logical) else text

    @text.register
    def _(self, node: Binary) -> str:
        chained = isinstance(node.left, Binary) and _binding(node.left.op) == _binding(node.op) != 0
        left = self.text(node.left) if chained else self.operand(node.left)
        return f"{left} {node.op} {self.operand(node.right)}"

    @text.register
    def _(self, node: Negative) -> str:
        return f"-{self.operand(node.operand)}"

    @text.register
    def _(self, node: Call) -> str:
        return f"{node.name}({self.several(node.args)})"

    @text.register
    def _(self, node: Membership) -> str:
        inside = f"({self.text(node.pipeline)})" if node.pipeline else self.several(node.items)
        return f"{self.operand(node.value)} {node.op} ({inside})"

    @text.register
    def _(self, node: Between) -> str:
        word = "!between" if node.negated else "between"
        return f"{self.operand(node.value)} {word} ({self.operand(node.low)} .. {self.operand(node.high)})"

    @text.register
    def _(self, node: Member) -> str:
        step = f".{node.name}" if is_plain_name(node.name) else f"[{self.quote(node.name)}]"
        return self._base(node.base) + step

    @text.register
    def _(self, node: Index) -> str:
        return f"{self._base(node.base)}[{self.text(node.index)}]"

    @text.register
    def _(self, node: ToScalar) -> str:
        return f"toscalar({self.text(node.pipeline)})"

    def _base(self, node: Expr) -> str:
        return self.text(node) if isinstance(node, Name | Member | Index | Call) else f"({self.text(node)})"

    @text.register
    def _(self, node: Literal) -> str:
        if node.value is None:
            return f"{node.kind}(null)"
        return _LITERALS[node.kind](self, node.value)

    def _dynamic(self, value: Any) -> str:
        return f"dynamic({self._json(json.loads(value))})"

    def _json(self, value: Any) -> str:
        if isinstance(value, str):
            return self.quote(value)
        if isinstance(value, list):
            return f"[{', '.join(self._json(one) for one in value)}]"
        if isinstance(value, dict):
            return "{" + ", ".join(f"{self.quote(key)}: {self._json(one)}" for key, one in value.items()) + "}"
        return json.dumps(value)

    def _datetime(self, value: str) -> str:
        whole, _, fraction = value.removesuffix("Z").partition(".")
        return f"datetime({whole}.{fraction[: self.fraction]}Z)" if fraction.strip("0") else f"datetime({whole}Z)"


_LITERALS: dict[str, Callable[[_Renderer, Any], str]] = {
    "string": lambda renderer, value: renderer.quote(value),
    "long": lambda _, value: str(value),
    "int": lambda _, value: f"int({value})",
    "real": lambda _, value: f"real({value!r})",
    "bool": lambda _, value: "true" if value else "false",
    "datetime": lambda renderer, value: renderer._datetime(value),
    "timespan": lambda _, value: span_text(value),
    "dynamic": lambda renderer, value: renderer._dynamic(value),
}
