"""How much longer than the columns it is made of a computed text can be.

An engine computes a text for a whole batch of rows at once, and until it has it cannot be stopped, nor held to its
memory: four copies of a column, of that again four copies, and ten such steps are more than any machine holds.
"""

from __future__ import annotations

from soc_analyst.tools.kql.tree import (
    Between,
    Binary,
    Call,
    Literal,
    Logical,
    Membership,
    Name,
    Named,
    Node,
    Operator,
    Pipeline,
    Query,
)
from soc_analyst.tools.kql.walking import children, walk

from .scope import Scope

__all__ = ["MAX_GROWTH", "report_growth"]

MAX_GROWTH = 200
"""Times the length of one column."""

_ONE_OF = frozenset({"iff", "iif", "case", "coalesce", "max_of", "min_of"})
_REPLACING = frozenset({"replace_regex", "replace_string"})
_UNKNOWN = 16.0
"""Taken for a replacement whose texts are not given."""


def report_growth(scope: Scope, tree: Query) -> None:
    """Report the first expression whose text may be too many times as long as the columns it is made of."""
    meter = _Meter()
    for step in walk(tree):
        if not isinstance(step, Operator):
            continue
        for part in children(step):
            meter.read(part)
        if meter.largest > MAX_GROWTH:
            message = f"a text here may grow to {min(meter.largest, 1e9):,.0f} times the columns it is made of"
            scope.report("too-long-text", message, step, f"at most {MAX_GROWTH} times; copy less")
            return


class _Meter:
    """Growth of the columns computed so far, by name, and the largest of any expression."""

    def __init__(self) -> None:
        self.known: dict[str, float] = {}
        self.largest = 0.0

    def read(self, node: Node) -> float:
        """Return the growth of an expression; a pipeline within it is read on its own."""
        if isinstance(node, Pipeline):
            return 1.0
        if isinstance(node, Name):
            return self.known.get(node.name, 1.0)
        inner = [self.read(one) for one in children(node)]
        found = _grown(node, inner)
        self.largest = max(self.largest, found)
        if isinstance(node, Named) and node.name is not None:
            self.known[node.name] = max(found, self.known.get(node.name, 0.0))
        return found


def _grown(node: Node, inner: list[float]) -> float:
    if isinstance(node, Binary | Logical | Membership | Between):
        return 1.0
    if isinstance(node, Call) and node.name in _ONE_OF:
        return max(inner, default=0.0)
    if isinstance(node, Call) and node.name in _REPLACING and len(node.args) == 3:
        return max(inner[0], 1.0) * _replaced(node)
    return sum(inner)


def _replaced(node: Call) -> float:
    """Return how many times longer the replacement is than what it replaces."""
    _, old, new = node.args
    if not (isinstance(old, Literal) and isinstance(new, Literal)):
        return _UNKNOWN
    least = len(str(old.value)) if node.name == "replace_string" else 1
    return max(1.0, len(str(new.value)) / max(least, 1))
