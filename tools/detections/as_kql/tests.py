"""Tests of a rule's tree as KQL, with the meaning that `matching.py` gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

import re2

from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.kql.tree import Between, Binary, Call, Expr, Literal, Membership, Name

from ..columns import HIVES
from ..fields import field_map
from ..resolving import Never
from ..ruleset import CompiledRule
from ..tree import Tree, Unsupported
from .readings import Field, Fields
from .words import all_of, any_of, call, number, regex_of, text

__all__ = ["fields_of", "predicate", "wanted_of"]


def fields_of(table: str, tables: Mapping[str, TableSchema]) -> Fields:
    """Return the fields of a table; raise Unsupported where policy does not allow it."""
    if table not in tables:
        raise Unsupported(f"table {table}, which policy does not allow")
    return Fields(field_map(), tables[table])


def wanted_of(rule: CompiledRule, fields: Fields) -> Expr:
    """Return what the rows of a rule must meet; raise Unsupported where the table has no columns to tell by."""
    wanted = predicate(rule.tree, fields)
    if isinstance(wanted, Never):
        raise Unsupported(f"columns that {rule.table} lacks")
    return wanted


def predicate(tree: Tree, fields: Fields) -> Expr | Never:
    """Return what a row must meet; a part that speaks of columns the table lacks has no say, as in `resolving.py`."""
    kind = tree[0]
    if kind == "not":
        inner = predicate(tree[1], fields)
        return Never.ABSENT if isinstance(inner, Never) else _denied(inner)
    if kind in ("and", "or"):
        return (_all if kind == "and" else _any)([predicate(child, fields) for child in tree[1]])
    if tree[1] is None:
        found = Field(fields.texts())
    elif (known := fields.read(tree[1])) is None:
        return Never.FALSE
    else:
        found = known
    return _TESTS[kind](found, tree, fields)


def _all(parts: Sequence[Expr | Never]) -> Expr | Never:
    known = [part for part in parts if not isinstance(part, Never)]
    if Never.FALSE in parts:
        return Never.FALSE
    return all_of(known) if known else Never.ABSENT


def _any(parts: Sequence[Expr | Never]) -> Expr | Never:
    known = [part for part in parts if not isinstance(part, Never)]
    if known:
        return any_of(known)
    return Never.FALSE if Never.FALSE in parts else Never.ABSENT


def _denied(inner: Expr) -> Expr:
    return inner.args[0] if isinstance(inner, Call) and inner.name == "not" else call("not", inner)


def _text(found: Field, test: Tree, _: Fields) -> Expr:
    how, value, cased = test[2], test[3], test[4]
    if found.number is not None and how == "is" and _is_number(value):
        return Binary("==", found.number, number(float(value)))
    if found.number is not None and not found.texts:
        raise Unsupported(f"field {test[1]}: a time or a fraction is compared as text")
    if how == "like":
        return any_of(_matching(each, _like(value, cased)) for each in found.texts)
    operator, forms = (_CASED if cased else _OPERATORS)[how], found.texts
    if found.lines is not None and not _touches_hive(how, value.lower()):
        forms = found.beyond_hive if how == "ends" else (found.lines,)
    compared = [Binary(operator, form, text(value)) for form in forms]
    return any_of([*compared, *_as_digits(found, how, value)])


_OPERATORS = {"is": "=~", "has": "contains", "starts": "startswith", "ends": "endswith"}
_CASED = {"is": "==", "has": "contains_cs", "starts": "startswith_cs", "ends": "endswith_cs"}


def _touches_hive(how: str, value: str) -> bool:
    """Tell whether a text can depend on how the hive of a registry key is named."""
    if how not in ("has", "ends"):
        return True
    first, separator, _ = value.partition("\\")
    names = [name for short, long in HIVES.items() for name in (short, long.lower())]
    return any(name.endswith(first) if separator else first in name for name in names) if first else False


def _as_digits(found: Field, how: str, value: str) -> list[Expr]:
    """Compare with the other ways to write the number of a registry value: decimal, and DWORD (0x…)."""
    if found.digits is None:
        return []
    sysmon = re2.fullmatch(r"(?i)(?:dword|qword) \((0x[0-9a-f]{8})(?:-0x[0-9a-f]{8})?\)", value)
    if sysmon and how == "is":
        return [Binary("==", found.digits, text(str(int(str(sysmon[1]), 16))))]
    if any(_meets(how, value, sample) for sample in _SAMPLES):
        raise Unsupported("part of a registry number in Sysmon's form")
    return [Binary(_OPERATORS[how], found.digits, text(value))] if set(value) <= set("0123456789") else []


_SAMPLES = tuple(f"dword (0x{at:08x})" for at in (0, 1, 2, 3, 4, 5, 10, 255, 4096, 0xDEADBEEF, 0xFFFFFFFF))
_MEETS: Mapping[str, Callable[[str, str], bool]] = {
    "is": str.__eq__, "has": str.__contains__, "starts": str.startswith, "ends": str.endswith,
}  # fmt: skip


def _meets(how: str, value: str, sample: str) -> bool:
    return not value.isdigit() and _MEETS[how](sample, value)


def _like(parts: Sequence[str | int], cased: bool) -> str:
    inner = "".join(regex_of(part) if isinstance(part, str) else ".*" if part == 0 else "." for part in parts)
    return f"(?s{'' if cased else 'i'})^(?:{inner})$"


def _matching(value: Expr, pattern: str) -> Expr:
    """A pattern may match the empty text, but an empty value meets no test."""
    matched = Binary("matches regex", value, text(pattern))
    return all_of([call("isnotempty", value), matched]) if re2.search(pattern, "", _options()) else matched


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    return options


def _regex(found: Field, test: Tree, _: Fields) -> Expr:
    forms = list(found.texts)
    if found.digits is not None:
        if any(re2.search(test[2], sample, _options()) for sample in (*_SAMPLES, *map(str.upper, _SAMPLES))):
            raise Unsupported("pattern of a registry number in Sysmon's form")
        forms.append(found.digits)
    if not forms:
        raise Unsupported(f"field {test[1]}: a time or a fraction is compared as text")
    return any_of(_matching(form, test[2]) for form in forms)


def _number(found: Field, test: Tree, _: Fields) -> Expr:
    op, wanted = test[2], number(test[3])
    if found.number is not None:
        return _compared(op, found.number, wanted, found.number)
    forms = (*found.texts, *((found.digits,) if found.digits is not None else ()))
    return any_of(_compared(op, call("todouble", form), wanted, form) for form in forms)


def _compared(op: str, value: Expr, wanted: Literal, told: Expr) -> Expr:
    """A value that is no number meets no comparison; to compare null gives null, and so would its denial."""
    compared = Binary(op, value, wanted)
    return compared if op == "==" and value is told else all_of([call("isnotnull", value), compared])


def _part(found: Field, test: Tree, _: Fields) -> Expr:
    if not isinstance(found.number, Name) or found.texts:
        raise Unsupported(f"field {test[1]}, which is not a time")
    part = str({"week": "week_of_year"}.get(test[2], test[2]))
    taken = Call("datetime_part", (text(part), found.number))
    return all_of([call("isnotnull", found.number), Binary("==", taken, number(test[3]))])


def _cidr(found: Field, test: Tree, _: Fields) -> Expr:
    network = ip_network(test[2])
    if isinstance(network, IPv4Network):
        return any_of(_within_v4(form, network) for form in found.texts)
    return any_of(_within_v6(form, network) for form in found.texts)


def _within_v4(value: Expr, network: IPv4Network) -> Expr:
    plain = call("replace_regex", value, text("(?i)^::ffff:"), text(""))
    address = call("parse_ipv4", plain)
    low, high = (Literal("long", int(each)) for each in (network.network_address, network.broadcast_address))
    return all_of([call("isnotnull", address), Between(address, low, high)])


def _within_v6(value: Expr, network: IPv6Network) -> Expr:
    if network.prefixlen == network.max_prefixlen:
        address = network.network_address
        bare = ":".join(f"{int(group, 16):x}" for group in address.exploded.split(":"))
        return Membership("in~", value, tuple(map(text, dict.fromkeys((address.compressed, bare, address.exploded)))))
    first, last = (int(each) >> 112 for each in (network.network_address, network.broadcast_address))
    if network.prefixlen > 16 or first < 0x1000:
        raise Unsupported(f"network {network}")
    group = call("tolong", call("strcat", text("0x"), call("extract", text("(?i)^([0-9a-f]{4}):"), number(1), value)))
    return all_of([call("isnotnull", group), Between(group, number(first), number(last))])


def _filled(found: Field, _test: Tree, _: Fields) -> Expr:
    if found.number is not None:
        return call("isnotnull", found.number)
    return any_of(call("isnotempty", form) for form in found.texts)


def _same(found: Field, test: Tree, fields: Fields) -> Expr | Never:
    other = fields.read(test[2])
    if other is None:
        return Never.FALSE
    return any_of(
        all_of([call("isnotempty", mine), call("isnotempty", theirs), Binary(_OPERATORS[test[3]], mine, theirs)])
        for mine in found.texts
        for theirs in other.texts
    )


def _is_number(value: str) -> bool:
    return bool(re2.fullmatch(r"-?\d{1,18}", value))


_TESTS: Mapping[str, Callable[[Field, Tree, Fields], Expr | Never]] = {
    "text": _text,
    "regex": _regex,
    "number": _number,
    "part": _part,
    "cidr": _cidr,
    "empty": lambda found, test, fields: _denied(_filled(found, test, fields)),
    "filled": _filled,
    "same": _same,
}
