"""A folder like a public collection of rules: what runs, what does not and why, what is wrong and where; and again."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from soc_analyst.cli.app import run
from soc_analyst.tools.detections import RuleSet, load_rules
from soc_analyst.tools.detections.reading import compile_file
from tests.detections.sigma_folder import write_folder
from tests.graph.workspace import small

HEAD = (
    "title: T\nid: 00000000-0000-4000-8000-00000000000{}\nlogsource: {{product: windows, category: process_creation}}\n"
)
GOOD = HEAD + "detection: {{s: {{CommandLine: x}}, condition: s}}\n"


def own(loaded: RuleSet) -> list[str]:
    return [rule.title for rule in loaded.rules if rule.id.startswith("00000000-")]


@pytest.mark.parametrize("size", [400, pytest.param(10_000, marks=pytest.mark.slow)])
def test_all_that_is_in_a_collection_is_loaded_counted_or_named(tmp_path: Path, size: int) -> None:
    written = write_folder(tmp_path / "sigma", size)
    loaded = load_rules([tmp_path / "sigma"], cache_dir=tmp_path)
    assert len(own(loaded)) == written.rules
    assert Counter(loaded.unsupported) == written.unsupported
    faults = {Path(fault.path).name: fault for fault in loaded.faults}
    assert {name: said for name, said in written.faults.items() if said in faults[name].message} == written.faults
    assert len(faults) == len(written.faults)
    assert all(fault.line > 20 for fault in loaded.faults)
    again = load_rules([tmp_path / "sigma"], cache_dir=tmp_path)
    assert (own(again), again.faults, again.unsupported) == (own(loaded), loaded.faults, loaded.unsupported)


def test_a_fault_costs_its_own_document_and_has_its_line() -> None:
    text = "\n---\n".join((GOOD.format(1), "title: B", GOOD.format(2).replace(": s}", ": s and gone}"), GOOD.format(3)))
    found = compile_file(text.encode())
    assert [rule["id"][-1] for rule in found["rules"]] == ["1", "3"]
    assert [line for line, _ in found["faults"]] == [7, 12]


def test_a_list_of_endless_variants_is_counted_and_not_tried() -> None:
    values = "".join(f"  - ' -a{n} -b'\n" for n in range(5_000))
    indented = values.replace("  -", "      -")
    text = HEAD.format(1) + f"detection:\n  s:\n    CommandLine|windash|contains:\n{indented}  condition: s\n"
    assert compile_file(text.encode())["unsupported"] == ["more than 50000 texts in one rule"]


def test_an_id_that_is_taken_says_by_which_rule_and_file(tmp_path: Path) -> None:
    pack = next(rule for rule in load_rules().rules if not rule.correlation)
    (tmp_path / "a.yml").write_text(GOOD.format(1))
    (tmp_path / "b.yml").write_text(GOOD.format(1))
    (tmp_path / "c.yml").write_text(GOOD.format(2).replace("00000000-0000-4000-8000-000000000002", pack.id))
    first, second = load_rules([tmp_path]).faults
    assert "a.yml" in first.message
    assert pack.title in second.message
    assert "built-in pack" in second.message
    assert (first.line, second.line) == (2, 2)


def test_json_tells_every_fault_and_reason_where_the_terminal_is_cut(tmp_path: Path, capsys) -> None:
    written = write_folder(tmp_path / "sigma", 600)
    logs = small(tmp_path / "logs")
    rules = str(tmp_path / "sigma")
    options = ["detect", "--workspace", str(logs), "--data-dir", str(tmp_path / "d"), "--sigma-rules", rules]
    assert run([*options, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["rules"]["faults"]) == len(written.faults) > 5
    assert told["rules"]["unsupported"] == dict(written.unsupported)
    assert sum("rule skipped" in line for line in told["warnings"]) == 5
