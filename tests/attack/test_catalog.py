"""The ATT&CK catalogue: current, retired and unknown ids; tactics; what a finding shows."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from soc_analyst.tools.attack import KILL_CHAIN, AttackCatalog, Retired, Technique

CATALOG = AttackCatalog.bundled()
RETIRED = yaml.safe_load((Path(__file__).parents[2] / "tools/attack/retired.yaml").read_text())["techniques"]


def test_a_sub_technique_knows_its_parent() -> None:
    assert CATALOG.technique("t1059.001") == Technique(
        "T1059.001", "PowerShell", ("execution",), "T1059", "Command and Scripting Interpreter"
    )


def test_tactics_come_in_kill_chain_order() -> None:
    found = CATALOG.technique("T1078")
    assert isinstance(found, Technique)
    assert list(found.tactics) == sorted(found.tactics, key=KILL_CHAIN.index)
    assert len(found.tactics) > 1


@pytest.mark.parametrize("id", ["T9999", "", "PowerShell", "T1059.999", "\u202eT1059"])
def test_an_unknown_id_is_none(id: str) -> None:
    assert CATALOG.technique(id) is None
    assert CATALOG.mitre(id).id == ""


def test_a_retired_id_is_told_from_an_unknown_one() -> None:
    found = CATALOG.technique("T1562.008")
    assert isinstance(found, Retired)
    assert found.successors == ("T1685.002",)


@pytest.mark.parametrize("old", sorted(RETIRED))
def test_every_retired_id_leads_to_current_ones(old: str) -> None:
    found = CATALOG.technique(old)
    assert isinstance(found, Retired), "an id that is current again does not belong in retired.yaml"
    for successor in found.successors:
        assert isinstance(CATALOG.technique(successor), Technique)


def test_what_a_finding_shows() -> None:
    mitre = CATALOG.mitre("T1059.001")
    assert mitre.model_dump() == {
        "tactic": "Execution",
        "technique": "Command and Scripting Interpreter",
        "sub_technique": "PowerShell",
        "id": "T1059.001",
        "description": "T1059.001 PowerShell (Execution), ATT&CK 19",
    }


def test_a_retired_id_is_shown_by_its_successor_and_said() -> None:
    mitre = CATALOG.mitre("T1562.008")
    assert mitre.id == "T1685.002"
    assert mitre.tactic == "Defense Impairment"
    assert mitre.description.endswith("formerly T1562.008")


def test_a_hint_picks_among_the_tactics() -> None:
    assert CATALOG.mitre("T1078.004", "persistence").tactic == "Persistence"
    assert CATALOG.mitre("T1078.004", "Defense Evasion").tactic == "Stealth"
    assert CATALOG.mitre("T1078.004", "impact").tactic == "Initial Access"


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("TA0002", ("execution",)),
        ("Credential Access", ("credential-access",)),
        ("privilege_escalation", ("privilege-escalation",)),
        ("defense-evasion", ("stealth", "defense-impairment")),
        ("nonsense", ()),
    ],
)
def test_tactic_tokens(token: str, expected: tuple[str, ...]) -> None:
    assert CATALOG.tactics(token) == expected


def test_the_kill_chain_is_the_data_s_tactics() -> None:
    assert all(CATALOG.tactic_name(short) for short in KILL_CHAIN)
    assert CATALOG.tactic_name("defense-evasion") == ""


def test_the_release_is_named() -> None:
    assert CATALOG.version == "19"


def test_predecessors() -> None:
    assert "T1562.008" in CATALOG.predecessors("T1685.002")
    assert CATALOG.predecessors("T1059.003") == ()
