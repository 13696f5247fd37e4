"""Small pieces of syntax tree, so that the rest reads like the KQL it makes."""

from __future__ import annotations

from collections.abc import Iterable

from soc_analyst.tools.kql.tree import Binary, Call, Expr, Literal, Logical, Membership

__all__ = ["all_of", "any_of", "call", "number", "regex_of", "text"]

META = frozenset("\\.+*?()|[]{}^$")


def text(value: str) -> Literal:
    """Return a string literal."""
    return Literal("string", value)


def number(value: float) -> Literal:
    """Return a number literal, whole where it can be."""
    whole = isinstance(value, int) or float(value).is_integer()
    return Literal("long", int(value)) if whole else Literal("real", float(value))


def call(name: str, *args: Expr) -> Call:
    """Return a call of a function."""
    return Call(name, args)


def regex_of(value: str) -> str:
    """Return a text as a pattern that matches it and nothing else."""
    return "".join(f"\\{one}" if one in META else one for one in value)


def all_of(parts: Iterable[Expr]) -> Expr:
    """Return the conjunction of at least one part."""
    return _joined("and", list(parts))


def any_of(parts: Iterable[Expr]) -> Expr:
    """Return the disjunction of at least one part, with equal tests of one thing as one list."""
    return _joined("or", _listed([one for part in parts for one in _flat("or", part)]))


def _joined(op: str, parts: list[Expr]) -> Expr:
    flat = tuple(dict.fromkeys(one for part in parts for one in _flat(op, part)))
    return flat[0] if len(flat) == 1 else Logical("and" if op == "and" else "or", flat)


def _flat(op: str, part: Expr) -> tuple[Expr, ...]:
    return part.operands if isinstance(part, Logical) and part.op == op else (part,)


LISTS = {"=~": "in~", "==": "in"}


def _listed(parts: list[Expr]) -> list[Expr]:
    """`A =~ "x" or A =~ "y"` as `A in~ ("x", "y")`, in the place of the first."""
    alike: dict[Expr, list[Expr]] = {}
    for part in parts:
        if isinstance(part, Binary) and part.op in LISTS and isinstance(part.right, Literal):
            alike.setdefault(Membership(LISTS[part.op], part.left), []).append(part.right)
        else:
            alike.setdefault(part, [])
    return [_list(one, items) if items else one for one, items in alike.items()]


def _list(empty: Expr, items: list[Expr]) -> Expr:
    assert isinstance(empty, Membership)
    if len(items) == 1:
        return Binary("=~" if empty.op == "in~" else "==", empty.value, items[0])
    return Membership(empty.op, empty.value, tuple(dict.fromkeys(items)))
