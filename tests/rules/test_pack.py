"""Every rule of the pack says what it must say, has a name of its own, and looks where its folder says."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import pytest

from soc_analyst.tools.attack import AttackCatalog

from .pack import NAMES, ours, rule


def techniques_of(name: str) -> list[str]:
    return [
        tag.removeprefix("attack.") for tag in rule(name)["tags"] if tag.startswith("attack.t") and tag[8].isdigit()
    ]


def tactics_of(name: str) -> list[str]:
    return [tag.removeprefix("attack.") for tag in rule(name)["tags"] if not tag[8].isdigit()]


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_says_who_wrote_it_what_it_means_and_what_may_be_wrong(name: str) -> None:
    told, catalog = rule(name), AttackCatalog.bundled()
    assert str(UUID(told["id"])) == told["id"]
    assert (told["author"], told["license"]) == ("soc-analyst", "MIT")
    assert told["level"] in ("low", "medium", "high", "critical")
    assert told["falsepositives"] and all(told["falsepositives"])
    assert told["description"].strip().endswith(".")
    assert len(set(told["tags"])) == len(told["tags"])
    assert techniques_of(name) and all(catalog.technique(id) for id in techniques_of(name))
    assert all(catalog.tactics(tactic) == (tactic,) for tactic in tactics_of(name))


def test_the_first_technique_is_a_current_one() -> None:
    catalog = AttackCatalog.bundled()
    first = {name: techniques_of(name)[0] for name in NAMES}
    assert [name for name, id in first.items() if catalog.current(id) != catalog.technique(id)] == []


def test_ids_and_titles_are_unique() -> None:
    assert Counter(rule(name)["id"] for name in NAMES).most_common(1)[0][1] == 1
    titles = Counter((name.partition("/")[0], rule(name)["title"]) for name in NAMES)
    assert titles.most_common(1)[0][1] == 1


def test_every_rule_compiles_to_its_folder_s_table() -> None:
    table_of = {each.id: each.table for each in ours().rules}
    assert ours().faults == ()
    assert {name: table_of.get(rule(name)["id"]) for name in NAMES} == {name: name.partition("/")[0] for name in NAMES}
