"""A folder like a public collection of Sigma rules, of our own text: every feature, sound and not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from uuid import UUID

__all__ = ["FEATURES", "SOURCES", "Written", "write_folder"]

FOLDERS = (("rules", 80), ("rules-emerging-threats", 12), ("rules-threat-hunting", 8))
WORDS = (
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "inlet", "juniper", "kestrel", "lumen",
    "maple", "nettle", "onyx", "pebble", "quarry", "raven", "sable", "thorn", "umber", "velvet", "willow", "zephyr",
)  # fmt: skip
LEVELS = ("informational", "low", "medium", "high", "critical")

FEATURES: Mapping[str, str] = {
    "contains": "sel:\n  CommandLine|contains:\n    - ' /{a}'\n    - '{b}-{n}'\ncondition: sel",
    "all": "sel:\n  CommandLine|contains|all: ['{a}', '{b}{n}']\ncondition: sel",
    "ends and filters": "sel:\n  Image|endswith: '\\{a}{n}.exe'\nfilter_main_x:\n"
    "  ParentImage|startswith: 'C:\\Program Files\\'\n"
    "filter_optional_y: {{User|contains: ['AUTHORI', 'AUTORI']}}\n"
    "condition: sel and not 1 of filter_main_* and not 1 of filter_optional_*",
    "nested": "sel_a: {{Image|endswith: '\\{a}.exe'}}\nsel_b: {{CommandLine|contains: '{b}{n}'}}\n"
    "sel_c: {{OriginalFileName: '{c}.exe'}}\ncondition: (sel_a or (sel_c and not (sel_b and sel_a))) and all of sel_*",
    "windash": "sel:\n  CommandLine|windash|contains: ' -{a}{n} '\ncondition: sel",
    "base64offset": "sel:\n  CommandLine|wide|base64offset|contains: 'http://{a}{n}'\ncondition: sel",
    "re": "sel:\n  CommandLine|re: '{a}\\s+[0-9]{{1,3}}x{n}$'\ncondition: sel",
    "cased": "sel:\n  CommandLine|contains|cased: '{a}X{n}'\ncondition: sel",
    "fieldref": "sel:\n  Image|fieldref: ParentImage\n  CommandLine|startswith: '{a}{n}'\ncondition: sel",
    "exists": "sel:\n  Hashes|exists: true\n  CommandLine|endswith: '{a}{n}'\ncondition: sel",
    "null": "sel: {{CommandLine|contains: '{a}{n}'}}\nf1: {{ParentImage: null}}\nf2: {{ParentImage: ''}}\n"
    "condition: sel and not 1 of f*",
    "wildcards": "sel:\n  Image: ['*\\{a}?{n}.exe', 'C:\\Temp\\*\\{b}.com']\ncondition: sel",
    "keywords": "keywords: ['{a}-{b}-{n}', '{c}{n}*end']\ncondition: keywords",
    "list of maps": "sel:\n  - Image|endswith: '\\{a}{n}.exe'\n  - OriginalFileName: '{b}.exe'\n"
    "  - Product: '{c} {n}'\ncondition: sel",
    "conditions": "s1: {{CommandLine: '{a}{n}'}}\ns2: {{CommandLine: '{b}{n}'}}\ncondition:\n  - s1\n  - s2",
    "count": "sel: {{CommandLine|contains: '{a}{n}'}}\ntimeframe: 5m\ncondition: sel | count() by User > 10",
}
"""Detections that can run, with `a`, `b`, `c` for words and `n` for a number, over process starts."""
SOURCES: Mapping[str, str] = {
    "product: windows\n  category: registry_set": "sel:\n  TargetObject|contains: '\\{a}\\{b}{n}'\n"
    "  Details: 'DWORD (0x00000001)'\ncondition: sel",
    "product: windows\n  category: file_event": "sel: {{TargetFilename|endswith: '\\{a}{n}.lnk'}}\ncondition: sel",
    "product: windows\n  category: network_connection": "sel:\n  Initiated: 'true'\n"
    "  DestinationIp|cidr: ['10.{m}.0.0/16', 'fd00::/8']\n  DestinationPort: [{n}, 8443]\ncondition: sel",
    "product: azure\n  service: signinlogs": "sel: {{AppDisplayName: '{a} {n}', ResultType: 50126}}\ncondition: sel",
    "product: azure\n  service: auditlogs": "sel: {{OperationName: '{a} {b} {n}'}}\ncondition: sel",
    "product: azure\n  service: activitylogs": "sel: {{operationName|endswith: '/{a}{n}/WRITE'}}\ncondition: sel",
}
"""Other sources that have a table, with what their rules look like."""
NO_TABLE = (
    "product: windows\n  category: driver_load", "category: proxy", "category: webserver",
    "product: linux\n  service: auditd", "product: zeek\n  service: dns",
    "product: aws\n  service: cloudtrail", "product: windows\n  service: bits-client", "product: okta\n  service: okta",
)  # fmt: skip
PLACEHOLDER = "sel: {{User|expand: '%{a}%'}}\ncondition: sel"
LOOKAHEAD = "sel:\n  CommandLine|re: '(?={a}){b}{n}'\ncondition: sel"
NEAR = "a: {{CommandLine: '{a}{n}'}}\nb: {{CommandLine: '{b}{n}'}}\ncondition: a | near b"
BROKEN: tuple[tuple[str, str], ...] = (
    ("sel: {{CommandLine: '{a}'}}\ncondition: sel and gone", "gone"),
    ("sel: {{CommandLine|containz: '{a}'}}\ncondition: sel", "containz"),
    ("sel: {{CommandLine|cidr: '{a}'}}\ncondition: sel", "CIDR"),
)


@dataclass
class Written:
    """What was written: rules that can run, those that cannot by reason, and files with a fault by name."""

    rules: int = 0
    files: int = 0
    unsupported: Counter[str] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)
    """What must be said of a file."""


def write_folder(root: Path, size: int = 3_750, seed: int = 7) -> Written:
    """Write so many files below `root`, in the folders of a public collection; the same for a seed."""
    draw, written = Random(seed), Written()
    shares = [share for _, share in FOLDERS]
    for number in range(size):
        [(folder, _)] = draw.choices(FOLDERS, shares)
        place = root / folder / draw.choice(("windows", "cloud", "linux")) / draw.choice(("builtin", "sysmon"))
        place.mkdir(parents=True, exist_ok=True)
        path = place / f"{number:05}_{draw.choice(WORDS)}.yml"
        path.write_text(_content(number, path, draw, written), encoding="utf-8")
        written.files += 1
    return written


def _content(number: int, path: Path, draw: Random, written: Written) -> str:
    kinds: dict[Callable[[int, Path, Random, Written], str], int] = {
        _sound: 60, _elsewhere: 18, _untold: 12, _unsupported: 5, _correlated: 3, _broken: 2,
    }  # fmt: skip
    [kind] = draw.choices(list(kinds), list(kinds.values()))
    return kind(number, path, draw, written)


def _sound(number: int, _: Path, draw: Random, written: Written) -> str:
    written.rules += 2 if number % len(FEATURES) == list(FEATURES).index("count") else 1
    return _rule(number, list(FEATURES.values())[number % len(FEATURES)], draw)


def _elsewhere(number: int, _: Path, draw: Random, written: Written) -> str:
    written.rules += 1
    source = draw.choice(list(SOURCES))
    return _rule(number, SOURCES[source], draw, source)


def _untold(number: int, _: Path, draw: Random, written: Written) -> str:
    source = draw.choice(NO_TABLE)
    written.unsupported["logsource " + " ".join(line.split(": ")[1] for line in source.splitlines())] += 1
    return _rule(number, "sel: {{query|contains: '{a}{n}'}}\ncondition: sel", draw, source)


def _unsupported(number: int, _: Path, draw: Random, written: Written) -> str:
    text, reason = draw.choice((
        (PLACEHOLDER, "placeholder"), (LOOKAHEAD, "regular expression that RE2 does not take"),
        (NEAR, "aggregation in the condition"),
    ))  # fmt: skip
    written.unsupported[reason] += 1
    return _rule(number, text, draw)


def _correlated(number: int, _: Path, draw: Random, written: Written) -> str:
    """Write a file of three documents: two rules and what they come to."""
    written.rules += 3
    parts = (number + 500_000, number + 600_000)
    first, second = (_rule(at, FEATURES["contains"], draw, name=f"part_{at}") for at in parts)
    kind = draw.choice(("event_count", "value_count", "temporal", "temporal_ordered"))
    condition = {
        "event_count": "\n  condition: {gte: 5}", "value_count": "\n  condition: {gt: 3, field: CommandLine}",
    }.get(kind, "")  # fmt: skip
    both = ", ".join(f"part_{at}" for at in parts)
    told = f"correlation:\n  type: {kind}\n  rules: [{both}]\n  group-by: [Computer]\n  timespan: 15m{condition}\n"
    return "\n---\n".join((first, second, _head(number, draw) + told))


def _broken(number: int, path: Path, draw: Random, written: Written) -> str:
    text, said = draw.choice(BROKEN)
    written.faults[path.name] = said
    return _rule(number, text, draw)


def _head(number: int, draw: Random, name: str = "") -> str:
    a, b = draw.sample(WORDS, 2)
    licence = "license: DRL-1.1\n" if number % 3 == 0 else ""
    called = f"name: {name}\n" if name else ""
    return (
        f"title: {a.title()} {b} started in an odd way ({number})\n{called}"
        f"id: {UUID(int=number + (4 << 76) + (8 << 60))}\n"
        f"related:\n  - id: {UUID(int=number + (5 << 76) + (8 << 60))}\n    type: similar\n"
        f"status: {draw.choice(('test', 'experimental', 'stable'))}\n"
        f"description: |\n  Detects {a} where {b} is expected.\n  Second line: with a colon.\n"
        f"references:\n  - https://example.org/{a}/{number}\n  - https://example.net/{b}\n"
        f"author: 'A. {b.title()}, C. {a.title()} (Example)'\n"
        f"date: 2025-0{1 + number % 9}-11\nmodified: 2026-01-0{1 + number % 9}\n"
        f"{licence}tags:\n  - attack.execution\n  - attack.t1059.00{1 + number % 7}\n  - cve.2025-{1000 + number}\n"
        f'falsepositives:\n  - Unlikely\n  - "{a.title()}\'s installer"\nlevel: {draw.choice(LEVELS)}\n'
    )


STARTS = "product: windows\n  category: process_creation"


def _rule(number: int, detection: str, draw: Random, source: str = STARTS, name: str = "") -> str:
    a, b, c = draw.sample(WORDS, 3)
    body = detection.format(a=a, b=b, c=c, n=number, m=number % 256).replace("\n", "\n  ")
    where = f"logsource:\n  {source}\n  definition: 'Requirements: auditing, see docs'\n"
    return f"{_head(number, draw, name)}{where}detection:\n  {body}\n"
