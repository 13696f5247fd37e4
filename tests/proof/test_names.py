"""One thing under several names is one; two things whose names begin alike are two."""

import pytest

from soc_analyst.state.entities import Entity, EntityKind
from soc_analyst.state.names import computer_name, told_computer
from soc_analyst.tools.proof.leads import same_thing


@pytest.mark.parametrize(
    ("kind", "left", "right", "same"),
    [
        ("host", "WS-1", "ws-1.corp.example", True),
        ("host", "rg-data/sql-1", "sql-1", True),
        ("host", "rg-data/sql-1", "rg-web/sql-1", False),
        ("host", "10.0.0.4", "10.0.0.5", False),
        ("host", "10.0.0.4", "10", False),
        ("account", "CORP\\alice", "alice@corp.example", True),
        ("account", "j.doe@corp.example", "j.roe@corp.example", False),
        ("account", "j.doe@corp.example", "j.doe", True),
        ("ip", "192.0.2.1", "192.0.2.10", False),
        ("domain", "a.example", "A.example", True),
        ("domain", "a.example", "a.test", False),
    ],
)
def test_names_of_one_thing(kind: EntityKind, left: str, right: str, same: bool) -> None:
    assert same_thing(Entity(kind=kind, value=left), Entity(kind=kind, value=right)) is same


@pytest.mark.parametrize(
    ("name", "known", "told"),
    [
        ("WS-1.corp.example", "ws-1", "ws-1"),
        ("SQL-1$", "sql-1", "sql-1"),
        ("A-very-long-machine.corp.example", "a-very-long-mac", "a-very-long-mac"),
        ("A-VERY-LONG-MAC$", "a-very-long-mac", "a-very-long-mac"),
        ("\\\\ws-1", "\\\\ws-1", "ws-1"),
        ("-", "-", ""),
        ("", "", ""),
    ],
)
def test_a_machine_and_its_account_have_one_name(name: str, known: str, told: str) -> None:
    assert (computer_name(name), told_computer(name)) == (known, told)
