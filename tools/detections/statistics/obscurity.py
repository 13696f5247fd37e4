"""Command lines written so as not to be read: tricks of quoting, text in pieces, encoded parts, odd length."""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import log2

import numpy as np

from soc_analyst.state.entities import Entity, EntityKind
from soc_analyst.state.findings import Claim, Detection, Level
from soc_analyst.tools.evidence import Evidence

from .coded import Indexes, Mask, Seconds, breadth, runs, together
from .frame import Frame, Sighting, equals
from .lines import Lines

__all__ = ["READ", "command_lines_are_obscured", "read", "tricks"]

READ = 16384
"""Characters of a command line that are looked at."""
TRICKS_TO_REPORT = 3
FEW_TRICKS_KINDS = 2
TOKEN_TO_WEIGH = 80
BITS_TO_REPORT = 5.0
"""Bits a character of the longest word: words and paths have about 4, hexadecimal at most 4, base64 nearly 6."""
LONG = 2000
TIMES_THE_USUAL = 8.0
LINES_OF_PAST = 20
COMMON_HOSTS, COMMON_DAYS = 3, 3
"""A line on so many hosts or days is a tool's."""
CLAIMED = 2048
AT_MOST = 5

OBSCURED = Sighting(
    id="stat-obscured-command",
    title="Command line written so as not to be read",
    techniques=("T1027.010",),
    tactics=("stealth", "execution"),
    false_positives=("Generated build and deployment commands",),
)
SHELLS = re.compile(
    r"^(cmd|powershell\w*|pwsh|wscript|cscript|mshta|rundll32|regsvr32|wmic|bash|dash|zsh|sh|python[\d.]*|perl|ruby|node|php)"
    r"(\.exe)?$"
)
TRICKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("caret(s) inside words", re.compile(r"\w\^+(?=\w)")),
    ("empty quotes inside words", re.compile(r"[A-Za-z]\"\"(?=[A-Za-z])")),
    ("backtick(s) inside words", re.compile(r"[A-Za-z]`(?=[A-Zcdg-mopqsw-z])")),
    ("joined piece(s) of text", re.compile(r"(?<=[\w.\\/:)-])(?:'\s*\+\s*'|\"\s*\+\s*\")(?=[\w.\\/:(-])")),
    ("character(s) by number", re.compile(r"(?:\[char\]\s*\(?|\bchrw?\(|fromcharcode\()\s*(?:0x)?\d+", re.IGNORECASE)),
    ("character(s) taken from a variable", re.compile(r"%\w+:~-?\d+,\s*-?\d+%")),
    ("character(s) escaped by number", re.compile(r"\\x[0-9a-f]{2}|\\u00[0-9a-f]{2}|\$'\\[0-7]{2,3}", re.IGNORECASE)),
)
PIECES = re.compile(r"((?:\{\d+\}){2,64})['\"]\s*-f\b", re.IGNORECASE)
WORDS = re.compile(
    r"\b(?:powershell|bypass|hidden|invoke|expression|encodedcommand|command|download(?:string|file)|webclient|webrequest"
    r"|object|executionpolicy|windowstyle|noprofile|noninteractive|process|script|mshta|rundll32|regsvr32|certutil)\b",
    re.IGNORECASE,
)
HINT = (
    r"\w\^+\w|[a-z]\"\"[a-z]|[a-z]`[a-z]|['\"]\s*\+\s*['\"]|char\]|chrw?\(|fromcharcode|\}['\"]\s*-f|%\w+:~|\\x[0-9a-f]"
    rf"|\\u00|\$'\\[0-7]|[a-z0-9+/=_-]{{{TOKEN_TO_WEIGH},}}|(?-i:[a-z][A-Z][a-z][A-Z]|[A-Z][a-z][A-Z][a-z])"
)
"""What every odd line holds, for one pass by RE2: nearly all lines hold none of it."""
TURNS = 4
"""Changes between small and capital letters in a word, where names as DownloadString have three."""
WORD = re.compile(rf"[A-Za-z0-9+/=_-]{{{TOKEN_TO_WEIGH},}}")


@dataclass(frozen=True)
class Reading:
    """What is odd in one command line, each with its number."""

    tricks: tuple[tuple[str, int], ...] = ()
    bits: float = 0.0
    word: int = 0
    decoded: int = 0

    @property
    def strong(self) -> bool:
        """Whether somebody took pains: a trick used again and again, or several kinds."""
        total = sum(count for _, count in self.tricks)
        return total > TRICKS_TO_REPORT or (total >= TRICKS_TO_REPORT and len(self.tricks) >= FEW_TRICKS_KINDS)

    @property
    def odd(self) -> bool:
        """Whether the line holds an encoded or a random word, or some tricks."""
        few = sum(count for _, count in self.tricks) >= TRICKS_TO_REPORT
        return few or self.decoded > 0 or self.bits >= BITS_TO_REPORT

    def told(self) -> list[str]:
        """Return what was counted."""
        said = [f"{count} {what}" for what, count in self.tricks]
        if self.word:
            said.append(f"a word of {self.word} characters at {self.bits:.1f} bits each")
        return said + ([f"{self.decoded} characters of encoded text"] if self.decoded else [])


def command_lines_are_obscured(evidence: Evidence) -> Iterator[Detection]:
    """Report shell commands with tricks of writing (medium), or encoded or far longer than the program's own (low).

    Medium takes four uses of a trick, or three of two kinds. A line is long from 2,000 characters and eight times the
    median of at least twenty lines of the same program. What three hosts or three days share is a tool's and is
    left out unless tricks are played. At most five low ones are told, the oddest first.
    """
    frame = Frame.of(evidence, "DeviceProcessEvents", ("DeviceName", "FileName", "ProcessCommandLine"))
    if frame is None:
        return
    commands = Commands(frame, _times(frame))
    shells = frame.coded("FileName").lowered.rows_where(SHELLS.match) & frame.timed
    strong, odd = _judged(frame.lines("ProcessCommandLine"), shells)
    odd |= commands.times > 0
    for rows in commands.by_actor(strong):
        yield commands.seen(rows, "medium")
    weak = shells & odd & ~strong
    weak &= ~_shared(frame, np.flatnonzero(weak))
    told = sorted(commands.by_actor(weak), key=lambda rows: (-commands.oddness(rows[0]), frame.moment(rows[0])))
    for rows in told[:AT_MOST]:
        yield commands.seen(rows, "low")


def _judged(lines: Lines, shells: Mask) -> tuple[Mask, Mask]:
    """Return which rows of shells are written strongly, and which oddly."""
    strong, odd = np.zeros(len(lines), np.bool_), np.zeros(len(lines), np.bool_)
    for row in np.flatnonzero(shells & lines.holding(HINT)).tolist():
        reading = read(lines[row])
        strong[row], odd[row] = reading.strong, reading.odd
    return strong, odd


@dataclass(frozen=True)
class Commands:
    """Process rows, and how many times longer than usual each long line is, 0 where it is not."""

    frame: Frame
    times: Seconds

    def by_actor(self, among: Mask) -> Iterator[list[int]]:
        """Yield the rows of each program of an account on a host, the oddest first."""
        key = together([self.frame.coded(c).lowered for c in ("DeviceName", "AccountName", "FileName")])
        for rows in runs(key, np.flatnonzero(among), self.frame.seconds):
            yield sorted(rows.tolist(), key=lambda i: -self.oddness(i))

    def oddness(self, index: int) -> float:
        """Order rows: tricks before length and chance."""
        reading = read(self.frame.text("ProcessCommandLine")[index])
        return 100.0 * sum(count for _, count in reading.tricks) + reading.bits + float(self.times[index])

    def seen(self, rows: list[int], level: Level) -> Detection:
        """Tell of one program of an account on a host."""
        first, text = rows[0], self.frame.text
        line, name, host, account = (
            text(c)[first] for c in ("ProcessCommandLine", "FileName", "DeviceName", "AccountName")
        )
        odd, times = read(line).told(), float(self.times[first])
        odd += [f"{len(line)} characters, {times:.0f} times the median of {name}"] if times else []
        statement = (
            f"{len(rows)} command(s) of {name} on {host} by {account or 'an unnamed account'}; the oddest, at "
            f"{self.frame.moment(first)}, with {', '.join(odd)}"
        )
        named: list[tuple[EntityKind, str]] = [("host", host), ("account", account), ("process", name)]
        return OBSCURED.detection(
            self.frame, level, statement, rows, claims=_claims(self.frame, rows, line, name, host),
            entities=[Entity(kind=kind, value=value) for kind, value in named if value],
        )  # fmt: skip


@lru_cache(maxsize=4096)
def read(line: str) -> Reading:
    """Return what is odd in a command line."""
    line = line[:READ]
    counts = tuple((what, found) for what, found in tricks(line))
    word = max(WORD.findall(line), key=len, default="")
    return Reading(counts, _bits(word), len(word), _decoded(word))


def tricks(line: str) -> Iterator[tuple[str, int]]:
    """Yield the tricks of writing in a command line, with how often each is played."""
    for what, pattern in TRICKS:
        if count := len(pattern.findall(line)):
            yield what, count
    orders = [re.findall(r"\d+", found) for found in PIECES.findall(line)]
    if mixed := sum(len(order) for order in orders if order != sorted(order, key=int)):
        yield "piece(s) put in another order", mixed
    if odd := sum(_turns(word) >= TURNS for word in WORDS.findall(line)):
        yield "word(s) in odd case", odd


def _turns(word: str) -> int:
    return sum(a.isupper() != b.isupper() for a, b in pairwise(word))


def _bits(word: str) -> float:
    counts = Counter(word).values()
    return -sum(c / len(word) * log2(c / len(word)) for c in counts)


def _decoded(word: str) -> int:
    """Return how many characters of text a word of base64 holds, 0 where it holds none."""
    try:
        raw = base64.b64decode(word + "=" * (-len(word) % 4), validate=True)
    except (binascii.Error, ValueError):
        return 0
    for encoding in ("utf-16-le", "utf-8"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text and sum(" " <= c <= "~" or c in "\r\n\t" for c in text) >= 0.9 * len(text):
            return len(text)
    return 0


def _times(frame: Frame) -> Seconds:
    """Return by row how many times longer than the median of its program a long line is, 0 where it is not long."""
    lengths, names = frame.lines("ProcessCommandLine").lengths, frame.coded("FileName").lowered
    usual = np.full(len(lengths), np.inf)
    for rows in runs(names.codes, np.flatnonzero(frame.timed), lengths, LINES_OF_PAST):
        usual[rows] = np.median(lengths[rows])
    times = lengths / np.maximum(usual, 1.0)
    return np.where((lengths >= LONG) & (times >= TIMES_THE_USUAL), times, 0.0)


def _shared(frame: Frame, among: Indexes) -> Mask:
    """Return the rows whose line is one of these rows' and is run on several hosts or days."""
    lines, hosts = frame.lines("ProcessCommandLine").like(among), frame.coded("DeviceName").lowered
    rows, days = np.flatnonzero(frame.timed), (np.nan_to_num(frame.seconds) // 86400).astype(np.int64)
    common = breadth(lines, hosts.codes, rows) >= COMMON_HOSTS
    common |= breadth(lines, days, rows) >= COMMON_DAYS
    return common[lines.codes] & (lines.codes > 0)


def _claims(frame: Frame, rows: list[int], line: str, name: str, host: str) -> Iterator[Claim]:
    yield frame.shared(f"on {host}", rows, "DeviceName", host)
    yield frame.counted(f"commands of {name}, which are the baseline,", equals("FileName", name))
    if len(line) <= CLAIMED:
        where = (equals("DeviceName", host), equals("ProcessCommandLine", line))
        yield frame.counted(f"commands with this very line on {host}", *where)
