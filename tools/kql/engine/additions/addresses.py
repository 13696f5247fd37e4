"""IPv4 addresses and ranges. A constant range is worked out here, so that the engine only compares numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from .forms import Form, constant, fixed, once, quote, whole

__all__ = ["ADDRESSES"]

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_FOUR = r"\.".join([_OCTET] * 4)
_PARTS = rf"^\s*{_FOUR}(?:/(3[0-2]|[12]?[0-9]))?\s*$"
_VALUE = " + ".join(
    f"CAST(_m.{part} AS BIGINT) * {256**power}" for part, power in zip("abcd", (3, 2, 1, 0), strict=True)
)
_ADDRESS = re.compile(_PARTS)
_NOT_IN_WORD = r"(?:^|[^\pL\pN])"
_PRIVATE = r"^\s*(10\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.)"


def read(text: str) -> str:
    """Return a struct of the address `a` and the length `p` of its prefix; null where the text is none."""
    parts = f"regexp_extract({text}, {quote(_PARTS)}, ['a', 'b', 'c', 'd', 'p'])"
    made = f"struct_pack(a := {_VALUE}, p := CASE WHEN _m.p = '' THEN 32 ELSE CAST(_m.p AS BIGINT) END)"
    return once(parts, f"CASE WHEN _m.a <> '' THEN {made} END", "_m")


def mask(address: str, prefix: str) -> str:
    """Return the first so many bits of an address."""
    return f"(({address} >> (32 - {prefix})) << (32 - {prefix}))"


def is_private(text: str) -> str:
    """Return whether an address lies in a range of RFC 1918; null where it is none."""
    valid = f"regexp_matches(_v, {quote(_PARTS)})"
    return once(text, f"CASE WHEN {valid} THEN regexp_matches(_v, {quote(_PRIVATE)}) END")


def in_range(args: list[str], nodes: Any) -> str:
    """Return whether an address lies in a range."""
    return once(read(args[0]), _within("_a", args[1], constant(nodes[1])), "_a")


def in_any_range(args: list[str], nodes: Any) -> str:
    """Return whether an address lies in one of several ranges, given one by one or as an array."""
    ranges = _constants(nodes[1:])
    if ranges is not None:
        tests = [_within("_a", "", one) for one in ranges]
        return once(read(args[0]), f"CASE WHEN _a IS NOT NULL THEN ({' OR '.join(tests) or 'false'}) END", "_a")
    if len(args) == 2:
        ranges_given = f"TRY_CAST(to_json({args[1]}) AS VARCHAR[])"
        test = f"list_bool_or(list_transform({ranges_given}, lambda _r: {_within('_a', '_r', None)}))"
        return once(read(args[0]), test, "_a")
    tests = [_within("_a", range_, constant(node)) for range_, node in zip(args[1:], nodes[1:], strict=True)]
    return once(read(args[0]), f"({' OR '.join(tests)})", "_a")


def _within(address: str, range_: str, known: Any) -> str:
    if isinstance(known, str):
        found = _ADDRESS.match(known)
        if found is None:
            return "NULL"
        bits = 32 - int(found[5] or 32)
        start = sum(int(found[place]) * 256 ** (4 - place) for place in range(1, 5)) >> bits
        return f"({address}.a >> {bits}) = {start}"
    return once(read(range_), f"({address}.a >> (32 - _b.p)) = (_b.a >> (32 - _b.p))", "_b")


def _constants(nodes: Any) -> list[str] | None:
    """Return texts given one by one or as one constant array, or None where something is computed."""
    values = [constant(node) for node in nodes]
    if len(nodes) == 1 and getattr(nodes[0], "kind", "") == "dynamic" and isinstance(values[0], str):
        values = json.loads(values[0])
    known = isinstance(values, list) and all(isinstance(value, str) for value in values)
    return values if known else None


def compare(left: str, right: str, prefix: str = "32") -> str:
    """Return 0 where two addresses are the same under the shortest prefix in sight, else -1 or 1."""
    length = f"least(_a.p, _b.p, {whole(prefix)})"
    difference = f"sign((_a.a >> (32 - {length})) - (_b.a >> (32 - {length})))"
    return once(read(left), once(read(right), f"CAST({difference} AS BIGINT)", "_b"), "_a")


def parse_mask(text: str, prefix: str) -> str:
    """Return the number of an address under a prefix."""
    length = f"least(_a.p, {whole(prefix)})"
    return once(read(text), f"CASE WHEN {whole(prefix)} BETWEEN 0 AND 32 THEN {mask('_a.a', length)} END", "_a")


def written(address: str, prefix: str = "32", *, with_prefix: bool = False) -> str:
    """Return an address, given as text or number, under a prefix; '' where it is none."""
    number = whole(f"CAST({address} AS VARCHAR)")
    given = f"struct_pack(a := {number}, p := CAST(32 AS BIGINT))"
    either = (
        f"coalesce({read(f'CAST({address} AS VARCHAR)')}, CASE WHEN {number} BETWEEN 0 AND 4294967295 THEN {given} END)"
    )
    length = f"least(_a.p, {whole(prefix)})"
    octets = " || '.' || ".join(
        f"CAST(({mask('_a.a', length)} >> {shift}) & 255 AS VARCHAR)" for shift in (24, 16, 8, 0)
    )
    tail = f" || '/' || CAST({length} AS VARCHAR)" if with_prefix else ""
    valid = f"_a IS NOT NULL AND {whole(prefix)} BETWEEN 0 AND 32"
    return once(either, f"CASE WHEN {valid} THEN {octets}{tail} ELSE '' END", "_a")


def has_address(args: list[str], nodes: Any) -> str:
    """Return whether a text holds one of several addresses, with no letter or digit directly beside it."""
    return _has(args, nodes, lambda one: _ADDRESS.match(one) and "/" not in one, _whole_pattern)


def has_prefix(args: list[str], nodes: Any) -> str:
    """Return whether a text holds an address that begins with one of several prefixes: `192.168.` or a whole one."""
    return _has(args, nodes, re.compile(r"(\d{1,3}\.){1,3}\Z|(\d{1,3}\.){3}\d{1,3}\Z").match, _prefix_pattern)


def _has(args: list[str], nodes: Any, valid: Any, pattern: Any) -> str:
    wanted = _constants(nodes[1:])
    if wanted is None:
        raise ValueError("the addresses must be constants")
    found = [pattern(one) for one in wanted if valid(one)]
    return f"regexp_matches({args[0]}, {quote('|'.join(found))})" if found else "false"


def _whole_pattern(address: str) -> str:
    return _NOT_IN_WORD + re.escape(address.strip()) + r"(?:$|[^\pL\pN])"


def _prefix_pattern(prefix: str) -> str:
    missing = 4 - prefix.count(".") if prefix.endswith(".") else 0
    return _NOT_IN_WORD + re.escape(prefix) + r"\.".join([_OCTET] * missing) + r"(?:$|[^\pL\pN])"


ADDRESSES: Mapping[str, Form] = {
    "parse_ipv4": fixed(lambda text: once(read(text), mask("_a.a", "_a.p"), "_a"), 1),
    "parse_ipv4_mask": fixed(parse_mask, 2),
    "ipv4_is_private": fixed(is_private, 1),
    "ipv4_is_in_range": Form(in_range, (2,), sees=True),
    "ipv4_is_in_any_range": Form(in_any_range, sees=True),
    "ipv4_compare": fixed(compare, 2, 3),
    "ipv4_is_match": fixed(lambda *args: f"({compare(*args)} = 0)", 2, 3),
    "ipv4_netmask_suffix": fixed(lambda text: once(read(text), "_a.p", "_a"), 1),
    "format_ipv4": fixed(written, 1, 2),
    "format_ipv4_mask": fixed(lambda *args: written(*args, with_prefix=True), 1, 2),
    "has_ipv4": Form(has_address, (2,), sees=True),
    "has_any_ipv4": Form(has_address, sees=True),
    "has_ipv4_prefix": Form(has_prefix, (2,), sees=True),
    "has_any_ipv4_prefix": Form(has_prefix, sees=True),
}  # fmt: skip
