"""The policy: the default is whole, a file replaces keys, and a broken one is named by file, line and key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from soc_analyst.state.errors import OperatorError
from soc_analyst.state.tables import TableSchema
from soc_analyst.tools.guard import Policy, load_policy
from soc_analyst.tools.guard.dialect import dialect


def _load(tmp_path: Path, text: str | bytes) -> Policy:
    path = tmp_path / "policy.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_policy(path)


def test_default_names_only_what_the_tables_have(policy: Policy, tables: Mapping[str, TableSchema]) -> None:
    assert set(policy.tables) == set(tables)
    for table, columns in policy.tables.items():
        assert set(columns) <= set(tables[table].columns), table
        assert columns[0] == "TimeGenerated"
        hidden = set(tables[table].columns) - set(columns)
        assert hidden <= {
            *("TenantId", "AADTenantId", "SourceSystem", "Type", "_BilledSize", "_IsBillable", "MachineGroup"),
            *("AppGuardContainerId", "OperationVersion", "FASchemaVersion_s"),
        }


def test_default_says_where_values_came_from(policy: Policy) -> None:
    assert {"row_cap", "models", "budgets.usd", "tables.SigninLogs"} <= set(policy.origins)
    assert set(policy.origins.values()) == {"default"}


def test_a_file_replaces_the_keys_it_names(policy: Policy, tmp_path: Path) -> None:
    changed = _load(tmp_path, "row_cap: 100\n\nbudgets:\n  usd: 1.5\n")
    assert (changed.row_cap, changed.budgets.usd, changed.budgets.rounds) == (100, 1.5, policy.budgets.rounds)
    assert changed.tables == policy.tables
    assert changed.origins["row_cap"] == f"{tmp_path / 'policy.yaml'}:1"
    assert changed.origins["budgets.usd"] == f"{tmp_path / 'policy.yaml'}:4"
    assert changed.origins["max_window_days"] == "default"


def test_a_file_that_names_tables_allows_those_only(policy: Policy, tmp_path: Path) -> None:
    changed = _load(tmp_path, "tables:\n  SigninLogs: [TimeGenerated, IPAddress]\n  AuditLogs: default\n")
    assert changed.tables == {
        "SigninLogs": ("TimeGenerated", "IPAddress"),
        "AuditLogs": policy.tables["AuditLogs"],
    }
    assert {key for key in changed.origins if key.startswith("tables.")} == {"tables.SigninLogs", "tables.AuditLogs"}


def test_the_hash_is_of_the_content(policy: Policy, tmp_path: Path) -> None:
    same = _load(tmp_path, f"row_cap: {policy.row_cap}\n")
    assert same.hash == policy.hash
    assert _load(tmp_path, "row_cap: 5\n").hash != policy.hash
    assert len(policy.hash) == 64


BROKEN = [
    ("row_capp: 5\n", ":1: `row_capp` is not a key of a policy; did you mean `row_cap`?"),
    ("row_cap: 5\nfoo: 1\n", ":2: `foo` is not a key of a policy; known are"),
    ("row_cap: many\n", ":1: row_cap: a whole number from 1"),
    ("row_cap: true\n", ":1: row_cap: a whole number"),
    ("row_cap: 0\n", ":1: row_cap: a whole number"),
    ("row_cap: 1.5\n", ":1: row_cap: a whole number"),
    ("row_cap:\n", ":1: row_cap: a whole number"),
    ("row_cap: 5\nrow_cap: 6\n", ":2: `row_cap` stands twice"),
    ("max_window_days: .inf\n", ":1: max_window_days: a number"),
    ("max_window_days: .nan\n", ":1: max_window_days: a number"),
    ("max_text: 999999\n", ":1: max_text: a whole number from 100 to 16384"),
    ("models: openai\n", ":1: models: a list"),
    ("models:\n  - a\n  - 5\n", ":3: models: a list of words"),
    ("budgets: 5\n", ":1: budgets: a mapping"),
    ("budgets:\n  round: 5\n", ":2: `budgets.round` is not a key of a policy; did you mean `rounds`?"),
    ("budgets:\n  usd: free\n", ":2: budgets.usd: a number"),
    ("tables: {}\n", ":1: tables: a mapping"),
    ("tables:\n  SigninLogs: IPAddress\n", ":2: tables.SigninLogs: a list"),
    ("tables:\n  SigninLogs: [IPAddress]\n", ":2: tables.SigninLogs: a list of columns with TimeGenerated"),
    (
        "tables:\n  SigninLog: default\n",
        ":2: tables.SigninLog: the default policy has no such table; did you mean `SigninLogs`?",
    ),
    ("max_scan_gb: -1\n", ":1: max_scan_gb: a number from 0"),
    ("costly: allow\n", ":1: costly: `refuse` or `ask` is wanted"),
    ("expensive_tables: SigninLogs\n", ":1: expensive_tables: a list"),
    ("row_cap: [1\n", "this is not YAML"),
    ("\trow_cap: 1\n", ":1: this is not YAML"),
    ("- row_cap\n", ":1: a policy is a mapping"),
    ("", ":1: the file is empty"),
    ("# nothing\n", ":1: the file is empty"),
    ("a: &x [1]\nb: *x\n", "anchors and aliases"),
    ("row_cap: !!python/object/apply:os.system ['x']\n", ":1: row_cap"),
    ("[a]: 1\n", ":1: a key must be a plain word"),
    (b"\xff\xfe\x00", "not UTF-8"),
    ("x: " + "[" * 20 + "]" * 20, ":1: this is nested too deeply"),
    ("x: " + "[" * 3000, "nest"),
    ("row_cap: 1\n" * 200_000, "is not read"),
]


@pytest.mark.parametrize(("text", "said"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_file_is_one_line_with_its_place(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(OperatorError) as raised:
        _load(tmp_path, text)
    message = str(raised.value)
    assert message.startswith(str(tmp_path / "policy.yaml"))
    assert said in message
    assert "\n" not in message
    assert raised.value.exit_status == 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"none\.yaml: there is no such file"):
        load_policy(tmp_path / "none.yaml")
    with pytest.raises(OperatorError, match="cannot be read"):
        load_policy(tmp_path)


def test_no_function_is_both_known_and_refused() -> None:
    words = dialect()
    known = {*words.functions, *words.aggregates}
    assert not known & set(words.refused)
    assert not known & set(words.spellings)
    assert set(words.spellings.values()) <= known


@pytest.mark.parametrize(("text", "value"), [("off", "off"), ('"off"', "off"), ("incidents", "incidents")])
def test_what_may_be_written_is_nothing_or_incidents(tmp_path: Path, text: str, value: str) -> None:
    assert _load(tmp_path, "row_cap: 1\n").write_back == "off"
    assert _load(tmp_path, f"write_back: {text}\n").write_back == value


@pytest.mark.parametrize("text", ["on", "yes", "all", "1", "[incidents]", "null", "{}"])
def test_nothing_else_allows_a_write(tmp_path: Path, text: str) -> None:
    with pytest.raises(OperatorError, match=r"policy.yaml:1: write_back: `off` or `incidents` is wanted"):
        _load(tmp_path, f"write_back: {text}\n")
