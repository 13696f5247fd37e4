"""Fields of a table as distinct texts, so that a test looks at each value once however many rows hold it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from soc_analyst.tools.evidence import TableRows
from soc_analyst.tools.evidence.packing import MOST_OF_SMALL, is_text, numbered
from soc_analyst.tools.evidence.packing import plain as plain_column
from soc_analyst.tools.evidence.rows import taken

from . import asked
from .fields import FieldMap, Reading
from .spellings import HINT, plainer_lines, plainer_path
from .texts import Indexes, Texts

__all__ = ["FieldView", "Mask", "TableViews"]

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int32] | Indexes

MANY_ROWS, SAMPLED, UNLIKE = 20_000, 1_000, 0.8
"""Of so many rows so many are looked at; a column is unlike where more than this share of them differ."""
ROWS_OF_CHUNK = 10_000

MAX_FORMS = 64
"""Texts read from one JSON value."""


@dataclass(frozen=True)
class FieldView:
    """A field: `values[codes[i]]` is a text of row `rows[i]`, or of row i where `rows` is None; null reads as empty."""

    size: int
    values: Texts
    codes: Codes
    rows: Indexes | None = None

    @cached_property
    def filled(self) -> Indexes:
        """Positions of the values that are not empty."""
        return self.values.filled()

    def rows_with(self, values: Indexes) -> Mask:
        """Return the rows that hold one of these values, by position."""
        wanted = np.zeros(len(self.values), np.bool_)
        wanted[values] = True
        if self.rows is None:
            return wanted[self.codes]
        found = np.zeros(self.size, np.bool_)
        found[self.rows[wanted[self.codes]]] = True
        return found

    def values_in(self, rows: Mask) -> Indexes:
        """Return the positions of the values that these rows hold, each once."""
        codes = self.codes[rows] if self.rows is None else self.codes[rows[self.rows]]
        held = np.zeros(len(self.values), np.bool_)
        held[codes] = True
        return np.flatnonzero(held)

    def firsts(self, rows: Indexes) -> list[str]:
        """Return the first non-empty text of each of these rows, empty where there is none."""
        codes = self.codes[rows] if self.rows is None else self._firsts[rows]
        wanted, places = np.unique(codes, return_inverse=True)
        known = [text if code >= 0 else "" for code, text in zip(wanted, self.values.take(wanted.clip(0)), strict=True)]
        return [known[place] for place in places.tolist()]

    @cached_property
    def _firsts(self) -> Indexes:
        """The position of the first value by row, or -1, where a row may have several."""
        filled = np.zeros(len(self.values), np.bool_)
        filled[self.filled] = True
        kept = np.flatnonzero(filled[self.codes])[::-1]
        found = np.full(self.size, -1, np.int64)
        # Of several values assigned to one place the last stays, which is the row's first here.
        found[np.arange(self.size)[kept] if self.rows is None else self.rows[kept]] = self.codes[kept]
        return found

    def texts(self) -> list[list[str]]:
        """Return the non-empty texts of each row."""
        values = list(self.values)
        if self.rows is None:
            alone = [[value] if value else [] for value in values]
            return [alone[code] for code in self.codes.tolist()]
        found: list[list[str]] = [[] for _ in range(self.size)]
        for row, code in zip(self.rows.tolist(), self.codes.tolist(), strict=True):
            if values[code]:
                found[row].append(values[code])
        return found


class TableViews:
    """The fields of one table's rows, each read once. Not safe to share between threads while it grows."""

    def __init__(self, rows: TableRows, fields: FieldMap) -> None:
        self.rows = rows
        self._fields = fields
        self._names = {name.lower(): name for name in rows.rows.column_names}
        self._views: dict[str | None, FieldView | None] = {}
        self._columns: dict[str, FieldView] = {}

    def __getitem__(self, field: str | None) -> FieldView | None:
        """Return a field, or any text of the row for None; None where no column holds it."""
        key = field if field is None else field.lower()
        if key not in self._views:
            self._views[key] = self._view(key)
        return self._views[key]

    def _view(self, field: str | None) -> FieldView | None:
        if field is None:
            texts = [name for name in self._names.values() if is_text(self.rows.rows[name].type)]
            readings: Sequence[Reading] = [Reading("column", (name,)) for name in texts]
        else:
            readings = self._fields.readings(self.rows.table, field, self._names)
        views = [self._read(reading) for reading in readings]
        return _joined(views, len(self.rows)) if views else None

    def _read(self, reading: Reading) -> FieldView:
        sources = [self._column(name) for name in reading.columns]
        if reading.of == "column":
            return sources[0]
        if reading.of == "line":
            return _with_plainer_lines(sources[0])
        distinct, codes = _together(sources)
        compute = COMPUTED[reading.of]
        known = [source.values.take(each) for source, each in zip(sources, distinct, strict=True)]
        return _of_forms([list(compute(reading, *each))[:MAX_FORMS] for each in zip(*known, strict=True)], codes)

    def _column(self, name: str) -> FieldView:
        if name not in self._columns:
            self._columns[name] = _encoded(self._told(name)) if name else _nothing(len(self.rows))
        return self._columns[name]

    def _told(self, name: str) -> pa.ChunkedArray:
        column = self.rows.rows[name]
        return asked.with_what_was_asked(column, self.begun) if name in asked.TOLD_IN else column

    @cached_property
    def begun(self) -> dict[int, int]:
        """The row that tells what was asked for, by the row that only tells that it was done."""
        return asked.begun_rows(self.rows.rows) if self.rows.table == asked.TABLE else {}


def _nothing(size: int) -> FieldView:
    return FieldView(size, Texts.of([""]), np.zeros(size, np.int64))


def _encoded(column: pa.ChunkedArray) -> FieldView:
    if pa.types.is_null(column.type):
        return _nothing(len(column))
    if pa.types.is_nested(column.type):
        texts = [_text(value) for value in column.to_pylist()]
        column = pa.chunked_array([pa.array(texts, pa.string())])
    if pa.types.is_dictionary(column.type) and is_text(column.type):
        values, codes = numbered(column)
        return FieldView(len(column), Texts([values, pa.nulls(1, values.type)]), codes)
    plain = plain_column(column)
    if not is_text(plain.type):
        plain = pa.chunked_array([pa.array([_text(value) for value in plain.to_pylist()], pa.large_string())])
    if _is_unlike(plain):
        return FieldView(len(plain), Texts(_large(plain)), np.arange(len(plain), dtype=np.int32))
    # Beyond two gigabytes of text an array of small offsets would be torn in two.
    wide = plain.cast(pa.large_string()) if plain.nbytes >= MOST_OF_SMALL else plain
    encoded = wide.dictionary_encode(null_encoding="encode")
    if not encoded.num_chunks:
        return FieldView(0, Texts.of([]), np.zeros(0, np.int32))
    own: Codes = np.concatenate([chunk.indices.to_numpy() for chunk in encoded.chunks])
    return FieldView(len(encoded), Texts([encoded.chunk(0).dictionary]), own)


def _is_unlike(column: pa.ChunkedArray) -> bool:
    """Tell whether nearly every row has a text of its own, so that numbering them would only copy them."""
    if len(column) < MANY_ROWS:
        return False
    some = taken(column, np.linspace(0, len(column) - 1, SAMPLED, dtype=np.int64).tolist())
    return len(set(some)) > SAMPLED * UNLIKE


def _large(column: pa.ChunkedArray) -> list[pa.Array]:
    """Return the chunks of a column; joined where they are small, since each costs as much as thousands of rows."""
    small = len(column) < column.num_chunks * ROWS_OF_CHUNK
    joined = column.combine_chunks() if small and column.nbytes < MOST_OF_SMALL else column
    chunks: list[pa.Array] = joined.chunks if isinstance(joined, pa.ChunkedArray) else [joined]
    return chunks


def _text(value: Any) -> str:
    """Return a value as rules write it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime | date):
        return value.isoformat().replace("+00:00", "Z")
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list) else str(value)


def _together(sources: Sequence[FieldView]) -> tuple[list[Indexes], Indexes]:
    """Return the distinct combinations of these columns' values, a column each, and which of them each row has."""
    combined = sources[0].codes.astype(np.int64)
    for source in sources[1:]:
        _, dense = np.unique(combined, return_inverse=True)
        combined = dense.astype(np.int64) * len(source.values) + source.codes
    _, firsts, codes = np.unique(combined, return_index=True, return_inverse=True)
    return [source.codes[firsts].astype(np.int64) for source in sources], codes.astype(np.int64)


def _of_forms(forms: Sequence[Sequence[str]], codes: Indexes) -> FieldView:
    """Return the view in which each row has all the forms of its combination."""
    if all(len(form) == 1 for form in forms):
        return FieldView(len(codes), Texts.of([form[0] for form in forms]), codes)
    counts = np.fromiter((len(form) for form in forms), np.int64, len(forms))
    starts = np.concatenate(([0], np.cumsum(counts)))[:-1]
    each = counts[codes]
    rows = np.repeat(np.arange(len(codes), dtype=np.int64), each)
    within = np.arange(len(rows), dtype=np.int64) - np.repeat(np.cumsum(each) - each, each)
    return FieldView(
        len(codes), Texts.of([text for form in forms for text in form]), starts[codes][rows] + within, rows
    )


def _with_plainer_lines(view: FieldView) -> FieldView:
    """Return a column of command lines with what a plainer spelling of some reads, beside what is written."""
    at = view.values.matching(f"(?is){HINT}")
    forms = [plainer_lines(text)[:MAX_FORMS] for text in view.values.take(at)]
    odd = np.array([bool(form) for form in forms], np.bool_)
    if not odd.any():
        return view
    number = np.full(len(view.values), -1, np.int64)
    number[at[odd]] = np.arange(np.count_nonzero(odd))
    rows = np.flatnonzero(number[view.codes] >= 0)
    plainer = _of_forms([form for form in forms if form], number[view.codes[rows]])
    own = rows if plainer.rows is None else rows[plainer.rows]
    return _joined([view, FieldView(view.size, plainer.values, plainer.codes, own)], view.size)


def _joined(views: Sequence[FieldView], size: int) -> FieldView:
    if len(views) == 1:
        return views[0]
    count = 0
    codes: list[Indexes] = []
    rows: list[Indexes] = []
    for view in views:
        codes.append(view.codes.astype(np.int64) + count)
        rows.append(np.arange(size, dtype=np.int64) if view.rows is None else view.rows)
        count += len(view.values)
    values = Texts([chunk for view in views for chunk in view.values.chunks])
    return FieldView(size, values, np.concatenate(codes), np.concatenate(rows))


def _path(_: Reading, folder: str, name: str) -> Iterable[str]:
    """A log may hold a whole path, a folder, or only a name, and spell it in other ways than Windows shows it."""
    path = _whole_path(folder, name)
    return (path, *plainer_path(path))


def _whole_path(folder: str, name: str) -> str:
    separator = "/" if folder.startswith("/") else "\\"
    if not name or not folder:
        return folder or (name if "\\" in name or "/" in name else f"\\{name}" if name else "")
    whole = folder.lower().endswith((f"\\{name.lower()}", f"/{name.lower()}")) or folder.lower() == name.lower()
    return folder if whole else f"{folder.rstrip(separator)}{separator}{name}"


def _account(_: Reading, domain: str, name: str) -> Iterable[str]:
    return (name, f"{domain}\\{name}") if domain and name else (name,)


HIVES = {
    "hklm": "HKEY_LOCAL_MACHINE", "hku": "HKEY_USERS", "hkcu": "HKEY_CURRENT_USER",
    "hkcr": "HKEY_CLASSES_ROOT", "hkcc": "HKEY_CURRENT_CONFIG",
}  # fmt: skip
SHORT = {long.lower(): short.upper() for short, long in HIVES.items()}
KERNEL = re.compile(r"^\\registry\\(machine|user)(?=\\|$)", re.IGNORECASE)
DRIVE = re.compile(r"^(hk\w{1,3}|hkey_\w{5,13}):(?=\\)", re.IGNORECASE)
"""How PowerShell writes a hive."""
CONTROL_SET = re.compile(r"\\ControlSet\d{3}(?=\\|$)", re.IGNORECASE)
USER_HIVE = re.compile(r"^(?:HKU|HKCU)\\S-1-(?:5-21|12-1)-[\d-]+(_Classes)?(?=\\|$)", re.IGNORECASE)


def _registry_path(_: Reading, key: str, value: str) -> Iterable[str]:
    """Defender, Sysmon and the kernel name the same key differently; a rule may use any of the names."""
    path = f"{key}\\{value}" if value else key
    if not path:
        return ("",)
    kernel = KERNEL.sub(lambda found: "HKLM" if found[1].lower() == "machine" else "HKU", DRIVE.sub(r"\1", path))
    hive, separator, rest = kernel.partition("\\")
    short = SHORT.get(hive.lower(), hive.upper() if hive.lower() in HIVES else hive) + separator + rest
    current = CONTROL_SET.sub(r"\\CurrentControlSet", short)
    own = USER_HIVE.sub(lambda found: "HKCU\\Software\\Classes" if found[1] else "HKCU", current)
    return tuple(dict.fromkeys((path, *map(_long_hive, (short, current, own)), short, current, own)))


def _long_hive(path: str) -> str:
    hive, separator, rest = path.partition("\\")
    return HIVES.get(hive.lower(), hive) + separator + rest


WRITTEN_NUMBER = re.compile(r"^(?:[DQ]WORD \()?(?:(0x[0-9a-f]+)(?:-0x([0-9a-f]+))?|(\d+))\)?$", re.IGNORECASE)


def _registry_data(_: Reading, data: str, kind: str) -> Iterable[str]:
    """Numbers go by their decimal form in Defender and by DWORD (0x…) in Sysmon."""
    found = WRITTEN_NUMBER.match(data[:64]) if len(data) <= 64 else None
    if found is None or kind.lower() in ("string", "expandstring", "multistring"):
        return (data, "Binary Data") if kind.lower() == "binary" else (data, *plainer_lines(data))
    number = int(found[3]) if found[3] else int(found[1] + (found[2] or ""), 16)
    high, low = divmod(number, 1 << 32)
    quad = kind.lower() == "qword" or data[:1].lower() == "q" or high > 0
    sysmon = f"QWORD (0x{high:08x}-0x{low:08x})" if quad else f"DWORD (0x{low:08x})"
    return tuple(dict.fromkeys((data, str(number), sysmon)))


def _hashes(reading: Reading, *values: str) -> Iterable[str]:
    named = [f"{column}={value}" for column, value in zip(reading.columns, values, strict=True) if value]
    return (*(value for value in values if value), *named, ",".join(named))


INTEGRITY = {"4096": "Low", "8192": "Medium", "8448": "Medium", "12288": "High", "16384": "System"}


def _integrity(_: Reading, value: str) -> Iterable[str]:
    word = INTEGRITY.get(value.rpartition("-")[2])
    return (value, word) if word else (value,)


def _translate(reading: Reading, value: str) -> Iterable[str]:
    return (dict(reading.to).get(value.lower(), reading.otherwise or value) if value else "",)


def _json(reading: Reading, value: str) -> Iterable[str]:
    found = list(_inside(_parsed(value), [name.lower() for name in reading.path]))
    return [_text(each) for each in found if each is not None] or ("",)


def _modified(reading: Reading, value: str) -> Iterable[str]:
    """Give the new values of a modified property, which the log keeps as JSON within JSON."""
    found = []
    for each in _inside(_parsed(value), ("modifiedproperties",)):
        if isinstance(each, dict) and str(each.get("displayName")).lower() == reading.path[0]:
            found.append(_text(each.get("newValue")).strip('"'))
    return found or ("",)


def _elements(_: Reading, value: str) -> Iterable[str]:
    parsed = _parsed(value)
    return [_text(each) for each in parsed] or ("",) if isinstance(parsed, list) else (value,)


def _parsed(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _inside(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """Yield what the path leads to, through lists and through JSON kept as text."""
    if isinstance(value, list):
        for each in value:
            yield from _inside(each, path)
    elif not path:
        yield value
    elif isinstance(value, dict):
        for name, child in value.items():
            if str(name).lower() == path[0]:
                yield from _inside(child, path[1:])
    elif isinstance(value, str) and value[:1] in ("{", "["):
        yield from _inside(_parsed(value), path)


COMPUTED: dict[str, Callable[..., Iterable[str]]] = {
    "path": _path,
    "account": _account,
    "registry_path": _registry_path,
    "registry_data": _registry_data,
    "hashes": _hashes,
    "integrity": _integrity,
    "translate": _translate,
    "json": _json,
    "elements": _elements,
    "modified": _modified,
}
