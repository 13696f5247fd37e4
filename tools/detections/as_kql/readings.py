"""Fields as KQL: what `columns.py` computes from a row, as expressions over its columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count

from soc_analyst.state.tables import ColumnType, TableSchema
from soc_analyst.tools.kql.tree import Binary, Expr, Extend, Literal, Member, Membership, Name, Named
from soc_analyst.tools.kql.walking import walk

from ..columns import HIVES, INTEGRITY
from ..fields import FieldMap, Reading
from ..tree import Unsupported
from .words import any_of, call, text

__all__ = ["Field", "Fields"]

NUMBERS = frozenset({"long", "int", "real"})
LISTS: Mapping[str, frozenset[str]] = {
    "AuditLogs": frozenset({"TargetResources", "AdditionalDetails"}),
    "SigninLogs": frozenset({"ConditionalAccessPolicies", "AppliedEventListeners", "AuthenticationDetails"}),
}
"""JSON columns that hold lists: what stands inside them has no one place that an expression could name."""


@dataclass(frozen=True)
class Field:
    """A field as expressions over a row, any of which may meet a test; an empty text meets none."""

    texts: tuple[Expr, ...]
    number: Expr | None = None
    """The column itself, where it holds a number."""
    digits: Expr | None = None
    """Decimal text of a number that logs write in several ways, Sysmon's among them, which rules may compare with."""
    beyond_hive: tuple[Expr, ...] = ()
    """Of the forms of a registry key those that differ by more than how the hive is named."""
    lines: Expr | None = None
    """These in one text, a line each."""


@dataclass
class Fields:
    """The fields that a rule names, each read once; what must be computed is a column for the time of the query."""

    map: FieldMap
    schema: TableSchema
    computed: dict[str, Expr] = field(default_factory=dict)
    _known: dict[str, Field | None] = field(default_factory=dict)

    def read(self, name: str) -> Field | None:
        """Return a field, or None where no column holds it; raise Unsupported where KQL has no expression for it."""
        key = name.lower()
        if key not in self._known:
            self._known[key] = self._read(name)
        return self._known[key]

    def texts(self) -> tuple[Expr, ...]:
        """Return all columns of text, for what may stand anywhere in a row."""
        return tuple(Name(name) for name, column in self.schema.columns.items() if column.type == "string")

    def column(self, name: str) -> Expr:
        """Return a column as text; an empty text for none."""
        if not name:
            return text("")
        return Name(name) if self.schema.columns[name].type == "string" else call("tostring", Name(name))

    def named(self, name: str, expr: Expr) -> Expr:
        """Return a column for an expression that is more than a name."""
        if isinstance(expr, Name | Literal):
            return expr
        known = next((column for column, made in self.computed.items() if made == expr), None)
        if known is not None:
            return Name(known)
        stem = "".join(one if one.isalnum() else "_" for one in name)
        taken = {column.lower() for column in (*self.schema.columns, *self.computed)}
        free = (each for n in count(1) if (each := f"{stem}_{n}").lower() not in taken)
        column = stem if stem.lower() not in taken else next(free)
        self.computed[column] = expr
        return Name(column)

    def steps(self, *wanted: Expr) -> tuple[Extend, ...]:
        """Return the computed columns that these expressions rest on, one a step, in the order of their making."""
        names = {name for expr in wanted for name in _names(expr)}
        for name, expr in reversed(tuple(self.computed.items())):
            if name in names:
                names |= _names(expr)
        return tuple(Extend((Named(expr, name),)) for name, expr in self.computed.items() if name in names)

    def _read(self, name: str) -> Field | None:
        columns = {column.lower(): column for column in self.schema.columns}
        found = [self._of(name, reading) for reading in self.map.readings(self.schema.name, name, columns)]
        if len(found) < 2:
            return found[0] if found else None
        if any(one.number or one.digits or one.lines for one in found):
            raise Unsupported(f"field {name}, which has several readings")
        return Field(tuple(dict.fromkeys(expr for one in found for expr in one.texts)))

    def _of(self, name: str, reading: Reading) -> Field:
        if reading.of == "column":
            return self._plain(reading.columns[0])
        if reading.of == "json" and reading.columns[0] in LISTS.get(self.schema.name, ()):
            raise Unsupported(f"field {name}, which lies inside a list")
        return FORMS[reading.of](self, name, reading)

    def _plain(self, column: str) -> Field:
        kind: ColumnType = self.schema.columns[column].type
        if kind in NUMBERS:
            # The text of a fraction differs from engine to engine.
            return Field((call("tostring", Name(column)),) if kind != "real" else (), number=Name(column))
        return Field((), number=Name(column)) if kind == "datetime" else Field((self.column(column),))


def _path(fields: Fields, name: str, reading: Reading) -> Field:
    folder, file = map(fields.column, reading.columns)
    bare = any_of([Binary("contains", file, text("\\")), Binary("contains", file, text("/"))])
    alone = call("case", _empty(file), text(""), bare, file, call("strcat", text("\\"), file))
    if folder == text(""):
        return Field((fields.named(name, alone),))
    whole = any_of(
        [
            Binary("endswith", folder, call("strcat", text("\\"), file)),
            Binary("endswith", folder, call("strcat", text("/"), file)),
            _same(folder, file),
        ]
    )
    unix = call("strcat", call("trim_end", text("/+"), folder), text("/"), file)
    windows = call("strcat", call("trim_end", text("\\\\+"), folder), text("\\"), file)
    joined = call("iff", Binary("startswith", folder, text("/")), unix, windows)
    made = call("case", _empty(folder), alone, any_of([_empty(file), whole]), folder, joined)
    return Field((fields.named(name, made),))


def _account(fields: Fields, name: str, reading: Reading) -> Field:
    domain, account = map(fields.column, reading.columns)
    full = call("strcat", domain, text("\\"), account)
    made = call("iff", any_of([_empty(domain), _empty(account)]), text(""), full)
    return Field((account, fields.named(name, made)))


def _registry_path(fields: Fields, name: str, reading: Reading) -> Field:
    """Name the key in all the ways that `columns.py` knows."""
    key, value = map(fields.column, reading.columns)
    path = fields.named(f"{name}Path", call("iff", _empty(value), key, call("strcat", key, text("\\"), value)))
    kernel = fields.named(f"{name}Kernel", _renamed(path, KERNEL_HIVES))
    short = fields.named(f"{name}Short", _renamed(kernel, ABBREVIATED))
    current = _replaced(short, r"(?i)\\ControlSet\d{3}(\\|$)", r"\\CurrentControlSet\1")
    current = fields.named(f"{name}Current", current)
    own = fields.named(f"{name}Own", _renamed(current, OWN_HIVES))
    forms = (path, short, current, own)
    longs = tuple(fields.named(f"{name}Long", _renamed(form, LONG)) for form in forms[1:])
    beyond = (path, current, own)
    return Field((*forms, *longs), beyond_hive=beyond, lines=_lines(fields, name, beyond))


def _lines(fields: Fields, name: str, forms: tuple[Expr, ...]) -> Expr:
    parts = [part for form in forms for part in (text("\n"), form)][1:]
    return fields.named(f"{name}Forms", call("strcat", *parts))


KERNEL_HIVES = {r"\\registry\\machine": "HKLM", r"\\registry\\user": "HKU"}
ABBREVIATED = {f"(?:{long}|{short})": short.upper() for short, long in HIVES.items()}
OWN_HIVES = {
    r"(?:HKU|HKCU)\\S-1-(?:5-21|12-1)-[\d-]+_Classes": r"HKCU\Software\Classes",
    r"(?:HKU|HKCU)\\S-1-(?:5-21|12-1)-[\d-]+": "HKCU",
}
LONG = {short.upper(): long for short, long in HIVES.items()}


def _renamed(path: Expr, names: Mapping[str, str]) -> Expr:
    """Return the path with another name for its hive, the first that fits; the guard bounds texts that are replaced."""
    cases = []
    for old, new in names.items():
        pattern = text(rf"(?is)^{old}((?:\\.*)?)$")
        rest = call("extract", pattern, Literal("long", 1), path)
        cases += [Binary("matches regex", path, pattern), call("strcat", text(new), rest)]
    return call("case", *cases, path)


DIGITS = r"(?i)^([DQ]WORD \()?(0x[0-9a-f]{1,15}|\d{1,18})\)?$"


def _registry_data(fields: Fields, name: str, reading: Reading) -> Field:
    data, kind = map(fields.column, reading.columns)
    words = tuple(map(text, ("String", "ExpandString", "MultiString", "Binary")))
    written = call("tostring", call("tolong", call("extract", text(DIGITS), Literal("long", 2), data)))
    texts = tuple(map(text, ("String", "ExpandString", "MultiString")))
    digits = call("iff", Membership("in~", kind, texts), text(""), written)
    binary = call("iff", _same(kind, words[-1]), text("Binary Data"), text(""))
    return Field((data, fields.named(f"{name}Binary", binary)), digits=fields.named(f"{name}Number", digits))


def _hashes(fields: Fields, name: str, reading: Reading) -> Field:
    values = [(column, fields.column(column)) for column in reading.columns if column]
    marked = [
        call("iff", _empty(value), text(""), call("strcat", text(f"{column}="), value)) for column, value in values
    ]
    parts = [part for one in marked for part in (one, call("iff", _empty(one), text(""), text(",")))]
    line = call("trim_end", text(","), call("strcat", *parts))
    alone = [fields.named(name, one) for one in marked]
    return Field((*(value for _, value in values), *alone, fields.named(f"{name}Line", line)))


def _integrity(fields: Fields, name: str, reading: Reading) -> Field:
    value = fields.column(reading.columns[0])
    last = call("extract", text("[^-]*$"), Literal("long", 0), value)
    cases = [part for number, word in INTEGRITY.items() for part in (Binary("==", last, text(number)), text(word))]
    return Field((value, fields.named(name, call("case", *cases, text("")))))


def _translate(fields: Fields, name: str, reading: Reading) -> Field:
    value = fields.column(reading.columns[0])
    cases = [part for given, meaning in reading.to for part in (_same(value, text(given)), text(meaning))]
    other = text(reading.otherwise) if reading.otherwise else value
    return Field((fields.named(name, call("case", _empty(value), text(""), *cases, other)),))


def _json(fields: Fields, name: str, reading: Reading) -> Field:
    """Read each step as text again: some logs keep JSON within JSON as text."""
    value = fields.column(reading.columns[0])
    for step in reading.path:
        value = call("tostring", Member(call("todynamic", value), step))
    return Field((fields.named(name, value),))


def _elements(_: Fields, name: str, __: Reading) -> Field:
    raise Unsupported(f"field {name}, which lies inside a list")


def _line(fields: Fields, _: str, reading: Reading) -> Field:
    """Read a command line as it is written: a query cannot spell it more plainly."""
    return fields._plain(reading.columns[0])


FORMS: Mapping[str, Callable[[Fields, str, Reading], Field]] = {
    "path": _path,
    "line": _line,
    "account": _account,
    "registry_path": _registry_path,
    "registry_data": _registry_data,
    "hashes": _hashes,
    "integrity": _integrity,
    "translate": _translate,
    "json": _json,
    "elements": _elements,
    "modified": _elements,
}


def _names(expr: Expr) -> set[str]:
    return {node.name for node in walk(expr) if isinstance(node, Name)}


def _empty(value: Expr) -> Expr:
    return call("isempty", value)


def _same(left: Expr, right: Expr) -> Expr:
    return Binary("=~", left, right)


def _replaced(value: Expr, pattern: str, by: str) -> Expr:
    return call("replace_regex", value, text(pattern), text(by))
