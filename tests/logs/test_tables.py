"""The catalogue against the tables that the product supports."""

import json
from pathlib import Path

import pytest

from soc_analyst.tools.logs.tables import load_tables

SCHEMAS = Path(__file__).parents[3] / "shared" / "schemas" / "log_analytics_tables.json"


@pytest.mark.skipif(not SCHEMAS.exists(), reason="the reference schemas are not here")
def test_the_catalogue_has_every_column_of_the_reference_with_its_type():
    reference = json.loads(SCHEMAS.read_text())
    ours = {name: {c: column.type for c, column in t.columns.items()} for name, t in load_tables().items()}
    assert ours == reference


def test_every_column_says_what_it_is():
    silent = [(t.name, c) for t in load_tables().values() for c, column in t.columns.items() if not column.description]
    assert silent == []


def test_every_topic_has_a_table():
    topics = {topic for table in load_tables().values() for topic in table.topics}
    assert topics == {
        "logons", "processes", "files", "registry", "network", "signins", "directory", "azure", "flows", "alerts"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("table", "kind", "first"),
    [
        ("DeviceProcessEvents", "host", "DeviceName"),
        ("DeviceProcessEvents", "account", "AccountName"),
        ("DeviceProcessEvents", "process", "FileName"),
        ("DeviceFileEvents", "file", "FolderPath"),
        ("DeviceNetworkEvents", "ip", "RemoteIP"),
        ("DeviceNetworkEvents", "port", "RemotePort"),
        ("DeviceRegistryEvents", "registry_key", "RegistryKey"),
        ("SigninLogs", "account", "UserPrincipalName"),
        ("AzureActivity", "account", "Caller"),
        ("AzureActivity", "resource", "Resource"),
        ("AzureNetworkAnalytics_CL", "host", "VM_s"),
    ],
)
def test_the_most_direct_column_of_a_kind_comes_first(table, kind, first):
    assert load_tables()[table].columns_of(kind)[0] == first


def test_what_names_a_person_is_marked_personal():
    unmarked = [
        (t.name, c)
        for t in load_tables().values()
        for c, column in t.columns.items()
        if column.entity == "account" and not column.personal and not c.startswith("ServicePrincipal")
    ]
    assert unmarked == []
