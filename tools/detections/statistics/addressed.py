"""Text in a log that speaks to a language model: whoever wrote it expected one to read this row.

It is evidence, and no defence: a model is kept from obeying by what it can do, not by what is recognized here.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import re2
import yaml

from soc_analyst.state.entities import Entity, EntityKind
from soc_analyst.state.findings import Claim, Detection, Level
from soc_analyst.tools.evidence import Evidence
from soc_analyst.tools.evidence.packing import numbered

from .frame import Frame, Sighting, equals

__all__ = ["kinds_of_speech", "rows_speak_to_a_model"]

READ = 4096
"""Characters of a value that are looked at, from its beginning and from its end."""
AT_MOST = 5
"""Detections by table: the same text in many rows is one."""
ROWS_CITED = 5
NEVER_TEXT = re.compile(r"^TimeGenerated$|^Type$|(?:MD5|SHA1|SHA256|Id|Sid)$")
STRETCH = 50_000
"""Rows whose texts are looked at together."""

SPEAKS = Sighting(
    id="stat-speaks-to-a-model",
    title="Log text that speaks to an AI",
    techniques=(),
    tactics=("defense-impairment",),
    false_positives=("Work on prompts or on tests of language models",),
    description="A value in the logs holds words for a language model rather than for a machine or a person.",
)
ALONE = frozenset({"override", "extract", "address", "structure"})
"""Kinds that are told by themselves; a verdict alone is an ordinary word of an ordinary command."""
BASE64 = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
SPACED = re.compile(r"(?:\b\w ){4,}\w\b")
HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
UNICODE = re.compile(r"\\u([0-9A-Fa-f]{4})")


def rows_speak_to_a_model(evidence: Evidence) -> Iterator[Detection]:
    """Report texts that give a language model orders, claim its role or ask it for a verdict, in any text column."""
    for table in evidence:
        frame = Frame.of(evidence, table, ())
        if frame is not None:
            yield from _in_table(frame)


def kinds_of_speech(text: str) -> frozenset[str]:
    """Return how a text speaks to a model, if it does: `override`, `address`, `steer`, `structure`, `extract`."""
    best: frozenset[str] = frozenset()
    for reading in _readings(_ends(text)):
        kinds = frozenset(name for name, pattern in _patterns().items() if pattern.search(reading))
        if len(kinds) > len(best):
            best = kinds
    return best if best & ALONE or len(best) > 1 else frozenset()


def _in_table(frame: Frame) -> Iterator[Detection]:
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for column in frame.rows.rows.column_names:
        if not NEVER_TEXT.search(column) and _holds_text(frame.rows.rows[column].type):
            found.update({text: (column, kinds) for text, kinds in _speaking(frame, column)})
    ordered = sorted(found.items(), key=lambda one: -len(one[1][1]))
    for text, (column, kinds) in ordered[:AT_MOST]:
        yield _detected(frame, column, text, kinds)


def _speaking(frame: Frame, column: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the distinct texts of a column that speak to a model; one pass leaves nearly all of them out."""
    for text in dict.fromkeys(_hinted(frame.rows.rows[column])):
        kinds = kinds_of_speech(text)
        if kinds:
            yield text, kinds


def _hinted(column: pa.ChunkedArray) -> Iterator[str]:
    """Yield the texts that hold a hint, a stretch of rows at a time: every column is read, and none is kept."""
    for chunk in [numbered(column)[0]] if pa.types.is_dictionary(column.type) else column.chunks:
        for start in range(0, len(chunk), STRETCH):
            distinct = chunk.slice(start, STRETCH).unique().cast(pa.large_string())
            yield from distinct.filter(pc.match_substring_regex(distinct, _hint(), ignore_case=True)).to_pylist()


def _detected(frame: Frame, column: str, text: str, kinds: frozenset[str]) -> Detection:
    coded = frame.coded(column)
    rows = np.flatnonzero(coded.codes == coded.values.index(text)).tolist()
    named = ", ".join(WHAT[kind] for kind in WHAT if kind in kinds)
    level: Level = "medium" if "steer" in kinds or len(kinds) > 1 else "low"
    statement = f"{column} of {len(rows)} row(s) speaks to a language model: it {named}"
    return SPEAKS.detection(
        frame, level, statement, rows[:ROWS_CITED], entities=_about(frame, rows[0]), claims=_claims(frame, column, text)
    )


WHAT: Mapping[str, str] = {
    "override": "tells it to drop its instructions",
    "address": "addresses it",
    "steer": "asks for a verdict",
    "structure": "imitates the marks of a conversation",
    "extract": "asks for its instructions or for words in its answer",
}


def _claims(frame: Frame, column: str, text: str) -> list[Claim]:
    return [frame.counted("rows with this very text", equals(column, text))] if len(text) <= READ else []


def _about(frame: Frame, row: int) -> Iterator[Entity]:
    kinds: tuple[tuple[str, EntityKind], ...] = (
        ("DeviceName", "host"), ("UserPrincipalName", "account"), ("AccountName", "account"),
        ("InitiatingProcessAccountName", "account"), ("Caller", "account"), ("IPAddress", "ip"),
    )  # fmt: skip
    for column, kind in kinds:
        if column in frame.rows.rows.column_names and (value := frame.text(column)[row]):
            yield Entity(kind=kind, value=value[:200])


def _holds_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind))


def _ends(text: str) -> str:
    return text if len(text) <= 2 * READ else f"{text[:READ]} {text[-READ:]}"


def _readings(text: str) -> Iterator[str]:
    """Yield a text as it stands and as its tricks read: without unseen characters, unescaped, joined, decoded."""
    plain = unicodedata.normalize("NFKC", "".join(_seen(one) for one in text))
    yield plain
    if "%" in plain:
        yield unquote(plain)
    if SPACED.search(plain):
        yield SPACED.sub(lambda found: found[0].replace(" ", ""), plain)
    if "\\u" in plain:
        yield UNICODE.sub(lambda found: chr(int(found[1], 16)), plain)
    yield codecs.decode(plain, "rot13")
    yield plain[::-1]
    for word in BASE64.findall(plain)[:8]:
        yield _unhexed(word) if HEX.fullmatch(word) else _decoded(word)


def _seen(one: str) -> str:
    """Return a tag character as the letter it stands for, and nothing for one that has no shape."""
    if 0xE0020 <= ord(one) <= 0xE007E:
        return chr(ord(one) - 0xE0000)
    return "" if unicodedata.category(one) == "Cf" else one


def _unhexed(word: str) -> str:
    return bytes.fromhex(word).decode("utf-8", "ignore")


def _decoded(word: str) -> str:
    try:
        raw = base64.b64decode(word + "=" * (-len(word) % 4))
    except (binascii.Error, ValueError):
        return ""
    return raw.decode("utf-16-le" if raw[1:8:2] == b"\0" * len(raw[1:8:2]) else "utf-8", "ignore")


@lru_cache(maxsize=1)
def _speech() -> Mapping[str, object]:
    text = Path(__file__).with_name("addressed.yaml").read_text("utf-8")
    read: Mapping[str, object] = yaml.safe_load(text)
    return read


def _hint() -> str:
    return str(_speech()["hint"])


@lru_cache(maxsize=1)
def _patterns() -> Mapping[str, re.Pattern[str]]:
    kinds = _speech()["kinds"]
    assert isinstance(kinds, dict)
    return {name: re2.compile(f"(?i){'|'.join(f'(?:{one})' for one in patterns)}") for name, patterns in kinds.items()}
