"""How a thing in the world is recognised in a table's columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from soc_analyst.state.entities import Entity, EntityKind
from soc_analyst.state.queries import AnyOf, Condition, Operator
from soc_analyst.state.tables import TableSchema

__all__ = ["ID_COLUMN", "conditions_for", "knows"]

GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
HASH_COLUMN_BY_LENGTH = {32: "MD5", 40: "SHA1", 64: "SHA256"}
UPN_COLUMN = re.compile(r"Upn$|PrincipalName$|^Caller$|^AlternateSignInName$|^SignInIdentifier$")
ID_COLUMN = re.compile(r"Sid$|ObjectId$|^UserId$|^ServicePrincipalId$")
DISPLAY_COLUMN = re.compile(r"DisplayName$|^Identity$")
OTHER_END = re.compile(r"^Remote(?!DeviceName$)")
"""Columns that name the far end of a connection: they say who else, not who. A logon's source host does say who."""


def knows(schema: TableSchema, kind: EntityKind) -> bool:
    """Return whether a table has columns that name this kind of thing."""
    return bool(schema.columns_of(kind))


def conditions_for(entity: Entity, schema: TableSchema) -> AnyOf | None:
    """Return the test that a row of this table is about the entity, or None where the table cannot tell."""
    match = _MATCHERS[entity.kind]
    conditions = tuple(match(entity.value, schema))
    return AnyOf(conditions=conditions) if conditions else None


def _host(value: str, schema: TableSchema) -> Iterator[Condition]:
    short = value.split(".", 1)[0]
    for column in schema.columns_of("host"):
        if OTHER_END.match(column) or schema.columns[column].type != "string" or column == "DeviceId":
            continue
        yield Condition(column=column, op="=~", values=(value,))
        if short == value:
            yield Condition(column=column, op="startswith", values=(f"{value}.",))
        else:
            yield Condition(column=column, op="=~", values=(short,))
        if column.endswith("_s"):
            # Traffic Analytics writes a machine as resourcegroup/name.
            yield Condition(column=column, op="endswith", values=(f"/{short}",))


def _account(value: str, schema: TableSchema) -> Iterator[Condition]:
    bare = value.rsplit("\\", 1)[-1]
    local, _, domain = bare.partition("@")
    for column in schema.columns_of("account"):
        if schema.columns[column].type == "dynamic":
            yield Condition(column=column, op="contains", values=(bare,))
        elif ID_COLUMN.search(column):
            if GUID.fullmatch(bare) or bare.startswith("S-1-"):
                yield Condition(column=column, op="=~", values=(bare,))
        elif UPN_COLUMN.search(column):
            yield Condition(column=column, op="=~", values=(bare,))
            if not domain:
                yield Condition(column=column, op="startswith", values=(f"{local}@",))
        elif DISPLAY_COLUMN.search(column):
            yield Condition(column=column, op="=~", values=(bare,))
            if not domain:
                yield Condition(column=column, op="has", values=(local,))
        else:
            yield Condition(column=column, op="=~", values=(local,))


def _ip(value: str, schema: TableSchema) -> Iterator[Condition]:
    address, of_network = _address(value)
    for column in schema.columns_of("ip"):
        listed = schema.columns[column].type == "dynamic" or "PublicIPs" in column
        op: Operator = "startswith" if of_network and not listed else "contains" if listed else "=~"
        yield Condition(column=column, op=op, values=(address,))
    if not knows(schema, "ip"):
        for column in schema.columns_of("account"):
            if schema.columns[column].type == "dynamic":
                yield Condition(column=column, op="contains", values=(address,))


def _address(value: str) -> tuple[str, bool]:
    """Return an address to compare with, or for an IPv4 network the whole octets that all its addresses share."""
    address, slash, bits = value.partition("/")
    if not slash or ":" in address or not bits.isdigit():
        return address, False
    octets = address.split(".")[: max(1, int(bits) // 8)]
    return (address, False) if len(octets) == 4 else (".".join(octets) + ".", True)


def _port(value: str, schema: TableSchema) -> Iterator[Condition]:
    for column in schema.columns_of("port"):
        if column != "LocalPort" or "RemotePort" not in schema.columns:
            yield Condition(column=column, op="==", values=(int(value),))


def _hash(value: str, schema: TableSchema) -> Iterator[Condition]:
    wanted = HASH_COLUMN_BY_LENGTH.get(len(value), "")
    for column in schema.columns_of("hash"):
        if wanted and column.endswith(wanted):
            yield Condition(column=column, op="=~", values=(value,))


def _file(value: str, schema: TableSchema) -> Iterator[Condition]:
    name = re.split(r"[\\/]", value)[-1]
    yield from _containing(value, (c for c in schema.columns_of("file") if c.endswith("Path")), schema)
    for column in schema.columns_of("file"):
        if column.endswith("FileName") and name:
            yield Condition(column=column, op="=~", values=(name,))
    yield from _containing(name, (c for c in schema.columns if c.endswith("CommandLine")), schema)


def _process(value: str, schema: TableSchema) -> Iterator[Condition]:
    names = [*schema.columns_of("process"), *schema.columns_of("file")]
    for column in dict.fromkeys(names):
        if column.endswith("FileName"):
            yield Condition(column=column, op="=~", values=(value,))
    yield from _containing(value, (c for c in schema.columns if c.endswith("CommandLine")), schema)


def _registry_key(value: str, schema: TableSchema) -> Iterator[Condition]:
    tail = re.sub(r"(?i)^(HKEY_[A-Z_]+|HK(?:LM|CU|U|CR|CC))\\", "", value)
    yield from _containing(tail, schema.columns_of("registry_key"), schema)


def _domain(value: str, schema: TableSchema) -> Iterator[Condition]:
    columns = dict.fromkeys([*schema.columns_of("domain"), *schema.columns_of("url")])
    yield from _containing(value, columns, schema)
    yield from _containing(value, (c for c in schema.columns if c.endswith("CommandLine")), schema)


def _resource(value: str, schema: TableSchema) -> Iterator[Condition]:
    for column in schema.columns_of("resource"):
        kind = schema.columns[column].type
        if GUID.fullmatch(value):
            if column.lower().endswith(("subscriptionid", "subscription_g", "appid", "objectid")):
                yield Condition(column=column, op="=~", values=(value,))
        elif kind == "dynamic" or column.endswith(("ResourceId", "Authorization", "NSGList_s", "NSGRule_s")):
            yield Condition(column=column, op="contains", values=(value,))
        elif kind == "string" and not column.lower().endswith("subscriptionid"):
            yield Condition(column=column, op="=~", values=(value,))
    if not GUID.fullmatch(value):
        dynamic = (c for c in schema.columns_of("account") if schema.columns[c].type == "dynamic")
        yield from _containing(value, dynamic, schema)


def _containing(value: str, columns: Iterable[str], schema: TableSchema) -> Iterator[Condition]:
    for column in columns:
        if value and schema.columns[column].type in ("string", "dynamic"):
            yield Condition(column=column, op="contains", values=(value,))


_MATCHERS = {
    "host": _host,
    "account": _account,
    "ip": _ip,
    "port": _port,
    "hash": _hash,
    "file": _file,
    "process": _process,
    "registry_key": _registry_key,
    "domain": _domain,
    "url": _domain,
    "resource": _resource,
}
