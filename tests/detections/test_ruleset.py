"""Loading rules: every fault at once, with its file and line; unsupported rules by reason; caches torn or whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.detections import load_rules
from soc_analyst.tools.detections.ruleset import RuleSet, _held

GOOD = """title: T
id: {id}
logsource: {{product: windows, category: {category}}}
detection:
  s: {{CommandLine: x}}
  condition: {condition}
"""


def write(folder: Path, name: str, number: int, category: str = "process_creation", condition: str = "s") -> None:
    identity = f"00000000-0000-4000-8000-{number:012d}"
    folder.joinpath(name).write_text(GOOD.format(id=identity, category=category, condition=condition), encoding="utf-8")


def test_the_pack_is_sound() -> None:
    loaded = load_rules()
    assert loaded.faults == ()
    assert not loaded.unsupported


def test_faults_come_at_once_with_their_lines(tmp_path: Path) -> None:
    write(tmp_path, "a.yml", 1)
    write(tmp_path, "b.yml", 1)
    write(tmp_path, "c.yml", 3, condition="s and missing")
    write(tmp_path, "d.yml", 4, category="driver_load")
    tmp_path.joinpath("e.yml").write_text("title: [\nx: y: z", encoding="utf-8")
    tmp_path.joinpath("f.yml").write_bytes(b"ok\n\xff\xfe")
    tmp_path.joinpath("g.yml").write_text("a: &a [*a]", encoding="utf-8")
    loaded = load_rules([tmp_path])
    assert [(Path(fault.path).name, fault.line) for fault in loaded.faults] == [
        ("b.yml", 2), ("c.yml", 6), ("e.yml", 2), ("f.yml", 2), ("g.yml", 1),
    ]  # fmt: skip
    assert loaded.unsupported == {"logsource windows driver_load": 1}


def test_a_cache_gives_the_same_rules_and_a_broken_one_none_less(tmp_path: Path) -> None:
    rules, cache = tmp_path / "rules", tmp_path / "cache"
    rules.mkdir()
    write(rules, "a.yml", 1)
    fresh = load_rules([rules], cache_dir=cache)
    again = load_rules([rules], cache_dir=cache)
    next(cache.iterdir()).write_bytes(b"{torn")
    assert [each.id for each in fresh.rules] == [each.id for each in again.rules]
    assert len(load_rules([rules], cache_dir=cache).rules) == len(fresh.rules)


def test_a_missing_folder_is_the_operators_to_mend(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="no such folder"):
        load_rules([tmp_path / "gone"])


def test_the_pack_kept_whole_is_the_pack_and_a_broken_or_older_one_is_read_again(tmp_path: Path) -> None:
    def loaded() -> RuleSet:
        _held.cache_clear()
        return load_rules(cache_dir=tmp_path)

    def as_text(rules: RuleSet) -> str:
        return json.dumps([[vars(rule) for rule in rules.rules], [str(fault) for fault in rules.faults]], default=list)

    fresh, again = loaded(), loaded()
    assert as_text(again) == as_text(fresh)
    assert again.unsupported == fresh.unsupported
    pack = next(tmp_path.glob("pack-*"))
    other = json.loads(pack.read_text()) | {"stamp": "older", "content": {}}
    for content in ("{torn", "[]", json.dumps(other)):
        pack.write_text(content)
        assert as_text(loaded()) == as_text(fresh)
    _held.cache_clear()
