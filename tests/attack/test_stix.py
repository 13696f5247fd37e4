"""One's own ATT&CK data: releases before and after the split of Defense Evasion, and files that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.attack import AttackCatalog


def pattern(n: int, id: str, name: str, *tactics: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "attack-pattern",
        "id": f"attack-pattern--{n}",
        "name": name,
        "external_references": [{"source_name": "mitre-attack", "external_id": id}],
        "kill_chain_phases": [{"kill_chain_name": "mitre-attack", "phase_name": tactic} for tactic in tactics],
        **more,
    }


def tactic(n: int, id: str, name: str, short: str) -> dict[str, Any]:
    reference = [{"source_name": "mitre-attack", "external_id": id}]
    own = {"name": name, "x_mitre_shortname": short, "external_references": reference}
    return {"type": "x-mitre-tactic", "id": f"x-mitre-tactic--{n}", **own}


RELEASE_18 = [
    {"type": "x-mitre-collection", "id": "x-mitre-collection--1", "x_mitre_version": "18.1"},
    tactic(1, "TA0005", "Defense Evasion", "defense-evasion"),
    tactic(2, "TA0002", "Execution", "execution"),
    pattern(1, "T1562", "Impair Defenses", "defense-evasion"),
    pattern(2, "T1562.001", "Disable or Modify Tools", "defense-evasion"),
    pattern(3, "T1059", "Command and Scripting Interpreter", "execution"),
    pattern(4, "T1059.001", "PowerShell", "execution"),
    pattern(5, "T1086", "PowerShell", revoked=True),
    pattern(6, "T1777", "House technique", "execution"),
    {"type": "relationship", "relationship_type": "revoked-by", "id": "relationship--1",
     "source_ref": "attack-pattern--5", "target_ref": "attack-pattern--4"},
]  # fmt: skip


def bundle(folder: Path, content: Any) -> Path:
    path = folder / "attack.json"
    path.write_text(content if isinstance(content, str) else json.dumps({"type": "bundle", "objects": content}))
    return path


def test_names_version_and_retired_ids_come_from_the_file(tmp_path: Path) -> None:
    catalog = AttackCatalog.of_file(bundle(tmp_path, RELEASE_18))
    assert catalog.version == "18.1"
    assert catalog.mitre("T1086").description == "T1059.001 PowerShell (Execution), ATT&CK 18.1, formerly T1086"
    assert catalog.mitre("T1777").technique == "House technique"
    assert AttackCatalog.bundled().mitre("T1777").id == ""


def test_what_a_later_release_renamed_is_told_by_the_file_s_own_names(tmp_path: Path) -> None:
    catalog = AttackCatalog.of_file(bundle(tmp_path, RELEASE_18))
    found = catalog.mitre("T1685", "defense-impairment")
    assert (found.id, found.tactic) == ("T1562.001", "Defense Evasion")


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = bundle(tmp_path, RELEASE_18)
    assert AttackCatalog.of_file(path).version == "18.1"
    newer = [{**RELEASE_18[0], "x_mitre_version": "18.2"}, *RELEASE_18[1:]]
    bundle(tmp_path, newer).touch()
    assert AttackCatalog.of_file(path).version == "18.2"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{not json", "is no JSON (line 1)"),
        ("[]", "is no STIX 2 bundle"),
        ([], "holds no ATT&CK techniques"),
        ([{"type": "attack-pattern", "id": 5}, "text", None], "holds no ATT&CK techniques"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path: Path, content: Any, said: str) -> None:
    path = bundle(tmp_path, content)
    with pytest.raises(OperatorError) as told:
        AttackCatalog.of_file(path)
    assert said in str(told.value)
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be read: No such file"):
        AttackCatalog.of_file(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("id", "older"),
    [("T1685", "T1562.001"), ("T1686.003", "T1562.004"), ("T1685.005", "T1070.001"), ("T1059.001", "T1059.001")],
)
def test_the_name_before_the_split_is_the_closest(id: str, older: str) -> None:
    assert AttackCatalog.bundled().before_the_split(id) == older
