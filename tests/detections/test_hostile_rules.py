"""A user's folder of rules, whatever is in it: faults named, the rest loaded, in bounded time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from soc_analyst.tools.detections import RuleSet, detect, load_rules, ruleset
from soc_analyst.tools.evidence import Evidence, TableRows

RULE = """title: Rule {number}
id: 00000000-0000-4000-8000-{number:012d}
author: A. Nalyst
license: DRL-1.1
logsource: {{product: windows, category: process_creation}}
detection: {{s: {{CommandLine|contains: {text}}}, condition: s}}
"""


def rule(folder: Path, number: int, text: str = "evil", name: str = "") -> Path:
    path = folder / (name or f"{number:05}.yml")
    path.write_text(RULE.format(number=number, text=text), encoding="utf-8")
    return path


def own(loaded: RuleSet) -> list[str]:
    return [each.title for each in loaded.rules if each.id.startswith("00000000-0000-4000-8000-")]


def titles_found(loaded: RuleSet, line: str) -> list[Any]:
    rows = pa.table({"DeviceName": ["ws"], "ProcessCommandLine": [line]})
    evidence = Evidence([TableRows("DeviceProcessEvents", rows, ("q",), (0,))])
    return [found.rule for found in detect(evidence, rules=loaded) if found.rule.title.startswith("Rule ")]


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (BOMB.encode(), "alias"),
        (b"[" * 20_000, "not YAML"),
        (b"ok: \xff", "not UTF-8"),
        (b"- 1\n- 2\n", "not a mapping"),
        (b"title: T\n", "missing"),
        (b"\x00\x01\x02", "not YAML"),
        (b"!!python/object/apply:os.system ['true']", "not YAML"),
        (b"x" * (ruleset.MAX_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_rule_is_named_and_the_others_load(tmp_path: Path, content: bytes, said: str) -> None:
    rule(tmp_path, 1)
    tmp_path.joinpath("bad.yml").write_bytes(content)
    loaded = load_rules([tmp_path])
    [fault] = loaded.faults
    assert fault.path.endswith("bad.yml")
    assert said in fault.message
    assert own(loaded) == ["Rule 1"]


def test_links_in_circles_and_pipes_are_passed_by(tmp_path: Path) -> None:
    rule(tmp_path, 1)
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "round.yml").symlink_to(tmp_path / "round.yml")
    (tmp_path / "gone.yml").symlink_to(tmp_path / "nowhere.yml")
    os.mkfifo(tmp_path / "pipe.yml")
    loaded = load_rules([tmp_path])
    assert own(loaded) == ["Rule 1"]
    assert sorted(Path(fault.path).name for fault in loaded.faults) == ["gone.yml", "pipe.yml", "round.yml"]


def test_a_folder_that_vanishes_during_the_reading_costs_its_own_rules(tmp_path: Path) -> None:
    for number, name in enumerate(("a", "b")):
        (tmp_path / name).mkdir()
        rule(tmp_path / name, number)
    seen = ruleset._files_of(tmp_path)
    first = next(seen)
    (tmp_path / "b" / "00001.yml").unlink()
    (tmp_path / "b").rmdir()
    rest = list(seen)
    assert first[0].endswith("00000.yml")
    assert [str(fault.path) for _, fault in rest if isinstance(fault, ruleset.RuleFault)] == [str(tmp_path / "b")]


def test_a_changed_file_is_read_again_and_the_others_come_from_the_cache(tmp_path: Path) -> None:
    folder, cache = tmp_path / "rules", tmp_path / "cache"
    folder.mkdir()
    rule(folder, 1, "first")
    kept = rule(folder, 2, "second")
    assert [each.title for each in titles_found(load_rules([folder], cache_dir=cache), "first second")] == [
        "Rule 1",
        "Rule 2",
    ]
    rule(folder, 1, "third")
    kept.unlink()
    rule(folder, 3, "first")
    assert [each.title for each in titles_found(load_rules([folder], cache_dir=cache), "first second")] == ["Rule 3"]


def test_title_author_and_licence_reach_the_finding(tmp_path: Path) -> None:
    rule(tmp_path, 7)
    [found] = titles_found(load_rules([tmp_path]), "evil")
    assert (found.title, found.author, found.license) == ("Rule 7", "A. Nalyst", "DRL-1.1")
    assert found.id.endswith("000000000007")


@pytest.mark.slow
def test_ten_thousand_rules_load_and_the_second_time_from_the_cache(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    for number in range(10_000):
        rule(folder, number, f"evil{number}")
    first = load_rules([folder], cache_dir=tmp_path)
    assert len(own(first)) == 10_000
    assert own(load_rules([folder], cache_dir=tmp_path)) == own(first)
    assert [each.title for each in titles_found(first, "evil9999")] == [
        f"Rule {number}" for number in (9, 99, 999, 9999)
    ]
