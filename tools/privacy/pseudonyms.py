"""Keyed tokens for names: the same thing has the same token in every column and inside free text.

`arisa@contoso.com`, `CONTOSO\\arisa` and `arisa` become `USER_7f3a1c@contoso.com`, `CONTOSO\\USER_7f3a1c` and
`USER_7f3a1c`; a display name, SID or object id that rows show beside exactly one account carries its digits. The map
from tokens to names lives in this object only; the key makes tokens of two cases differ.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from soc_analyst.state.entities import Entity
from soc_analyst.state.tables import Column, TableSchema
from soc_analyst.tools.evidence import Evidence, TableRows

from .kinds import WELL_KNOWN, Kind, Mode, hidden_columns, kind_of_account, kind_of_address
from .scanning import Span, names_in, replaced, words_in

__all__ = ["Mode", "Pseudonyms"]

DIGITS = 6
TOKEN = re.compile(r"\b(?:USER|NAME|SID|ID|HOST|IP_PRIV|IP_PUB|PLACE|RESOURCE|TEXT)_[0-9a-f]{6,}\b")
ONE_PERSON = frozenset({"USER", "NAME", "SID", "ID"})
IN_TEXT = frozenset({"USER", "NAME", "SID", "ID", "HOST", "IP_PRIV", "IP_PUB", "RESOURCE"})
"""Kinds that are looked for inside free text; a country code or a subject line is hidden in its column only."""
SHORTEST_IN_TEXT = 3
LONGEST_IN_TEXT = 200


class Pseudonyms:
    """What a model sees in place of names, and the way back. Not for use by several threads at once."""

    def __init__(self, mode: Mode, key: bytes, tables: Mapping[str, TableSchema]) -> None:
        self.mode = mode
        self._key = key
        self._columns = {name: hidden_columns(mode, table) for name, table in tables.items()}
        self._names: dict[str, str] = {}
        self._tokens: dict[tuple[Kind, str], str] = {}
        self._same_as: dict[str, str] = {}
        self._words: dict[str, str] = {}
        self._search: Callable[[str], Iterable[Span]] | None = None

    @classmethod
    def off(cls) -> Pseudonyms:
        """Return pseudonyms that change nothing."""
        return cls("off", b"", {})

    def learn(self, evidence: Evidence, entities: Iterable[Entity] = ()) -> None:
        """Get to know the names that rows and a question hold, so that they are found inside free text too."""
        if self.mode == "off":
            return
        for table, rows in evidence.items():
            hidden = self._columns.get(table, {})
            self._join_names(rows, [name for name, column in hidden.items() if column.entity == "account"])
            for name, column in hidden.items():
                for value in _distinct(rows, name):
                    self._hidden(column, value)
        for entity in entities:
            self._hide_entity(entity)

    def hide_value(self, table: str, column: str, value: object) -> str:
        """Return a row's value as a model may see it."""
        text = value if isinstance(value, str) else str(value)
        hidden = self._columns.get(table, {}).get(column)
        return self.hide_text(text) if hidden is None else self._hidden(hidden, text)

    def hide_text(self, text: str) -> str:
        """Return free text with every known name, and whatever looks like a person's, replaced."""
        if self.mode == "off" or not text:
            return text
        for token in TOKEN.findall(text):
            self._names.setdefault(token, token)  # a row that holds such a word means that word
        spans = [*self._unknown_in(text), *self._known_in(text)]
        return replaced(text, spans)

    def reveal(self, text: str) -> str:
        """Return a text with each token replaced by the name it stands for; unknown tokens stay."""
        return TOKEN.sub(lambda found: self._names.get(found[0], found[0]), text)

    def invented(self, text: str) -> tuple[str, ...]:
        """Return the tokens of a text that stand for nothing."""
        if self.mode == "off":
            return ()
        return tuple(dict.fromkeys(token for token in TOKEN.findall(text) if token not in self._names))

    def _hide_entity(self, entity: Entity) -> None:
        if entity.kind == "account":
            self._account(entity.value)
        elif self.mode == "all" and entity.kind in ("host", "ip", "resource"):
            self._hidden(Column(type="string", entity=entity.kind), entity.value)

    def _hidden(self, column: Column, value: str) -> str:
        if not value:
            return value
        if column.type == "dynamic" or (value[0] in "{[" and value[-1] in "}]"):
            return self._structured(value)
        if column.entity == "account":
            return self._account(value)
        if column.entity == "host":
            return self._host(value)
        if column.entity == "ip":
            kind = kind_of_address(value)
            return value if kind is None else self._token(kind, value)
        if column.entity == "resource":
            return self._token("RESOURCE", value)
        return self._token("PLACE" if len(value) <= 40 else "TEXT", value)

    def _account(self, value: str) -> str:
        """Hide who it is and keep where: the domain of a name is no person."""
        kind = kind_of_account(value)
        if kind is None:
            return value
        if kind != "USER":
            return self._token(kind, value)
        prefix, slash, rest = value.rpartition("\\")
        name, at, domain = rest.partition("@")
        return f"{prefix}{slash}{self._token('USER', name)}{at}{domain}"

    def _host(self, value: str) -> str:
        name, dot, domain = value.partition(".")
        if kind_of_address(value) is not None or not name:
            return self._hidden(Column(type="string", entity="ip"), value)
        return f"{self._token('HOST', name)}{dot}{domain}"

    def _structured(self, value: str) -> str:
        """Hide the names inside JSON; text that is none is free text."""
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            return self.hide_text(value)
        return json.dumps(self._inside(parsed, ""), ensure_ascii=False)

    def _inside(self, value: Any, key: str) -> Any:
        if isinstance(value, dict):
            person = bool(value.get("userPrincipalName")) or str(value.get("type", "")).lower() == "user"
            return {
                self.hide_text(name): self._inside(one, name if person or name not in ("displayName", "id") else "")
                for name, one in value.items()
            }
        if isinstance(value, list):
            return [self._inside(one, key) for one in value]
        if isinstance(value, bool) or value is None or value == "":
            return value
        return self._leaf(str(value), key) if isinstance(value, str) or key in _PLACES else value

    def _leaf(self, value: str, key: str) -> str:
        named = _KEYS.get(key.rpartition("/")[2].lower())
        if named == "account":
            return self._account(value) if key != "displayName" else self._named(value)
        if named == "ip":
            return self._hidden(Column(type="string", entity="ip"), value)
        if named == "place":
            return self._token("PLACE", value)
        return self.hide_text(value)

    def _named(self, value: str) -> str:
        return value if value.lower() in WELL_KNOWN else self._token("NAME", value)

    def _join_names(self, rows: TableRows, columns: list[str]) -> None:
        """Give a display name, SID or object id that stands beside one account only the digits of that account."""
        for lead, others in _ways_to_name(columns, rows):
            for other in others:
                for alias, names in _partners(rows, other, lead).items():
                    if len(names) == 1 and kind_of_account(alias) in ("NAME", "SID", "ID"):
                        self._same_as.setdefault(_folded(alias), next(iter(names)))

    def _token(self, kind: Kind, value: str) -> str:
        folded = _folded(value)
        known = self._tokens.get((kind, folded))
        if known is not None:
            return known
        token = self._tokens[kind, folded] = self._fresh(kind, folded)
        self._names[token] = value
        if kind in IN_TEXT and SHORTEST_IN_TEXT <= len(value) <= LONGEST_IN_TEXT and folded not in WELL_KNOWN:
            self._words[folded] = token
            self._search = None
        return token

    def _fresh(self, kind: Kind, folded: str) -> str:
        """Return a token that no other name has; digits are added where two names would share one."""
        group = "person" if kind in ONE_PERSON else kind
        digest = hmac.digest(self._key, f"{group}:{self._same_as.get(folded, folded)}".encode(), "sha256").hex()
        lengths = range(DIGITS, len(digest) + 1)
        return next(token for n in lengths if (token := f"{kind}_{digest[:n]}") not in self._names)

    def _known_in(self, text: str) -> Iterable[Span]:
        if self._search is None:
            self._search = words_in(dict(self._words))
        return self._search(text)

    def _unknown_in(self, text: str) -> Iterator[Span]:
        for kind, start, end in names_in(text, addresses=self.mode == "all"):
            value = text[start:end]
            known = kind_of_address(value) if kind == "IP_PUB" else kind
            if known is not None and _folded(value) not in WELL_KNOWN and not TOKEN.fullmatch(value):
                yield Span(start, end, self._token(known, value))


_KEYS: Mapping[str, str] = {
    "userprincipalname": "account", "upn": "account", "displayname": "account", "id": "account", "name": "account",
    "objectidentifier": "account", "nameidentifier": "account", "givenname": "account", "surname": "account",
    "ipaddress": "ip", "ipaddr": "ip", "city": "place", "state": "place", "countryorregion": "place",
    "latitude": "place", "longitude": "place",
}  # fmt: skip

"""Keys of directory entries and token claims; of a claim's URI, its last part."""
_PLACES = frozenset({"latitude", "longitude"})


def _folded(text: str) -> str:
    return text.casefold()


def _distinct(rows: TableRows, column: str) -> Iterator[str]:
    if column in rows.rows.column_names:
        values = rows.rows[column]
        unique = pc.unique(values) if not pa.types.is_nested(values.type) else values
        yield from (str(value) for value in unique.to_pylist() if value is not None)


def _ways_to_name(columns: list[str], rows: TableRows) -> Iterator[tuple[str, list[str]]]:
    """Yield the column of an account's own name and the columns beside it that name the same account otherwise."""
    present = [name for name in columns if name in rows.rows.column_names]
    for lead, prefix in _LEADS:
        if lead in present:
            yield lead, [name for name in present if name != lead and name in {f"{prefix}{end}" for end in _OTHERS}]


_LEADS = (
    ("UserPrincipalName", ""),
    ("AccountUpn", "Account"),
    ("AccountName", "Account"),
    ("InitiatingProcessAccountUpn", "InitiatingProcessAccount"),
    ("InitiatingProcessAccountName", "InitiatingProcessAccount"),
    ("RequestAccountName", "RequestAccount"),
)
_OTHERS = ("Sid", "ObjectId", "DisplayName", "UserDisplayName", "Identity", "UserId")


def _partners(rows: TableRows, alias: str, lead: str) -> dict[str, set[str]]:
    """Return for each text of one column the bare names that stand beside it in the other."""
    found: dict[str, set[str]] = {}
    for own, name in rows.distinct(alias, lead):
        if own and name:
            found.setdefault(own, set()).add(_folded(name.rpartition("\\")[2].partition("@")[0]))
    return found
