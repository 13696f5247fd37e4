"""The names by which a policy takes operators and functions away, whichever spelling a query uses."""

from __future__ import annotations

import re

from soc_analyst.tools.kql.operators import OPERATORS
from soc_analyst.tools.kql.tabular import Parse
from soc_analyst.tools.kql.tree import Between, Binary, Call, Join, Membership, Node, Operator, ProjectNames
from soc_analyst.tools.kql.words import MEMBERSHIPS, STRING_OPERATORS

from .dialect import dialect

__all__ = ["OPERATOR_NAMES", "function_name", "operator_name"]

_OTHER_NAMES = frozenset({"filter", "order", "limit", "mvexpand"})
_GONE = frozenset({"as", "render"})
"""What is read and has no part in the tree."""
OPERATOR_NAMES = (frozenset(OPERATORS) - _OTHER_NAMES - _GONE) | STRING_OPERATORS | MEMBERSHIPS | {"between"}
"""Operators of tables and of text that a policy can take away; comparison and arithmetic stay."""

_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


def operator_name(node: Node) -> str | None:
    """Return the operator that a node is, or None for other nodes."""
    if isinstance(node, Binary | Membership):
        return node.op
    if isinstance(node, Between):
        return "between"
    if isinstance(node, Join):
        return "lookup" if node.lookup else "join"
    if isinstance(node, Parse):
        return "parse-where" if node.strict else "parse"
    if isinstance(node, ProjectNames):
        return f"project-{node.how}"
    return _CAPITAL.sub("-", type(node).__name__).lower() if isinstance(node, Operator) else None


def function_name(node: Node) -> str | None:
    """Return the function that a node calls, in its new spelling, or None for other nodes."""
    return dialect().spellings.get(node.name, node.name) if isinstance(node, Call) else None
