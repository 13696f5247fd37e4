"""What is too much for one query, and what the policy takes away, found over the whole tree at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from soc_analyst.tools.kql.tabular import MvApply
from soc_analyst.tools.kql.tree import Binary, Call, Join, Literal, Membership, Node, Operator, Pipeline, Query, Union

from .dialect import dialect
from .naming import function_name, operator_name
from .policy_keys import KUSTO_SET_SIZE
from .scope import Scope

__all__ = ["report_excess", "report_refused", "report_unlisted"]

_SETS = frozenset({"make_set", "make_list", "make_set_if", "make_list_if"})
_EXPANSIONS = frozenset({"mv-expand", "mv-apply"})


def report_excess(scope: Scope, tree: Query, nodes: Sequence[Node]) -> None:
    """Report each cap of the policy that a query is over; `nodes` are those of the tree."""
    policy = scope.policy
    for code, most, found, what in (
        ("too-many-values", policy.max_values, _of(nodes, lambda node: isinstance(node, Literal)), "values"),
        ("too-many-queries", policy.max_joins, _joins(tree, nodes), "joins and nested queries"),
        ("too-many-arms", policy.max_union_arms, _arms(nodes), "arms of unions"),
        ("too-many-expansions", policy.max_expansions, _of(nodes, _expands), "mv-expand and mv-apply"),
    ):
        if len(found) > most:
            message = f"{len(found):,} {what}; policy allows {most:,} in one query"
            scope.report(code, message, found[most] if code != "too-many-values" else tree, "ask in several queries")
    for node in nodes:
        if isinstance(node, Call) and function_name(node) in _SETS:
            _report_size(scope, node)


def _of(nodes: Iterable[Node], wanted: Callable[[Node], bool]) -> list[Node]:
    return [node for node in nodes if wanted(node)]


def _expands(node: Node) -> bool:
    return isinstance(node, Operator) and operator_name(node) in _EXPANSIONS


def _arms(nodes: Iterable[Node]) -> list[Node]:
    return [arm for node in nodes if isinstance(node, Union) for arm in node.arms]


def _joins(tree: Query, nodes: Sequence[Node]) -> list[Node]:
    """Return the joins, and the pipelines that stand within expressions: no body, let, arm or joined one."""
    own = {id(one) for node in nodes if isinstance(node, Union) for one in node.arms}
    own |= {id(node.right) for node in nodes if isinstance(node, Join)} | {id(tree.body)}
    own |= {id(let.value) for let in tree.lets} | {id(node.body) for node in nodes if isinstance(node, MvApply)}
    return [node for node in nodes if isinstance(node, Join) or (isinstance(node, Pipeline) and id(node) not in own)]


def _report_size(scope: Scope, node: Call) -> None:
    """Where policy is below what Kusto itself holds, the size must be said and be small enough."""
    name, most = function_name(node), scope.policy.max_set_size
    place = 2 if str(name).endswith("_if") else 1
    size = node.args[place] if len(node.args) > place else None
    if isinstance(size, Literal):
        if isinstance(size.value, int) and size.value > most:
            scope.report("set-too-large", f"{name}() of {size.value:,}; policy allows {most:,}", size)
    elif most < KUSTO_SET_SIZE:
        what = "is not a number" if size is not None else "is not said"
        scope.report("set-too-large", f"the size of {name}() {what}; policy allows {most:,}", node, f"add `, {most}`")


def report_unlisted(scope: Scope, nodes: Iterable[Node]) -> bool:
    """Report what is of no kind that the dialect lists, and return whether there was any: default deny."""
    found = [(node, why) for node in nodes if (why := _unlisted(node))]
    for node, why in found:
        scope.report("refused-syntax", f"{why} is not allowed in a query", node)
    return bool(found)


def _unlisted(node: Node) -> str:
    known, kind = dialect().syntax, type(node).__name__
    if kind not in known.nodes:
        return f"a node of kind {kind}"
    if isinstance(node, Binary | Membership) and node.op not in known.operators:
        return f"the operator `{node.op[:40]}`"
    if isinstance(node, Literal) and node.kind not in known.literals:
        return f"a literal of kind {node.kind}"
    return f"the kind of join `{node.kind[:40]}`" if isinstance(node, Join) and node.kind not in known.joins else ""


def report_refused(scope: Scope, nodes: Iterable[Node]) -> None:
    """Report each use of a function or operator that policy takes away."""
    refused = scope.policy.refuse
    if not (refused.functions or refused.operators):
        return
    for node in nodes:
        if function_name(node) in refused.functions:
            scope.report("refused-function", f"{function_name(node)}() is refused by this policy", node)
        elif operator_name(node) in refused.operators:
            scope.report("refused-operator", f"`{operator_name(node)}` is refused by this policy", node)
