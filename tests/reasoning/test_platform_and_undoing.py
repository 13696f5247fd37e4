"""What the cloud's own services do, and what an account takes away after it made it or before it puts it back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .test_work_sessions import AZURE, DIRECTORY, START, Row, changed, timedelta, weigh

BACKUP, STRANGER = "262044b1-e2ce-469f-a196-69ab7ada62d3", "0b7bdb3c-0c2f-4a5a-9e0e-2f6b8e1a7711"
SERVICE = "9a4b8f0e-0000-4d4d-8e8e-000000000002"
DISK = "/subscriptions/s/resourceGroups/erp/providers/Microsoft.Compute/disks/d"


def act(operation: str, minute: float = 0, caller: str = "ana@contoso.com", app: str = "", **more: Any) -> Row:
    return {
        "TimeGenerated": START + timedelta(minutes=minute), "OperationNameValue": operation, "Caller": caller,
        "CallerIpAddress": "198.51.100.7", "ActivityStatusValue": "Success", "ActivitySubstatusValue": "OK",
        "ResourceId": DISK, "Claims": json.dumps({"appid": app}),
    } | more  # fmt: skip


@pytest.mark.parametrize(
    ("caller", "app", "level"),
    [(SERVICE, BACKUP, "low"), (SERVICE, STRANGER, "high"), (SERVICE, "", "high"), ("ana@contoso.com", BACKUP, "high")],
)
def test_a_service_of_the_cloud_is_known_by_the_application_in_its_token(caller: str, app: str, level: str) -> None:
    row = act("Microsoft.Compute/disks/beginGetAccess/action", caller=caller, app=app)
    assert weigh({AZURE: [row]}, (AZURE, 0, "high", "T1537")) == [level]


@pytest.mark.parametrize(("app", "level"), [("00000003-0000-0ff1-ce00-000000000000", "low"), (None, "medium")])
def test_in_the_directory_a_name_without_an_id_is_nobody(app: str | None, level: str) -> None:
    told = json.dumps({"app": {"displayName": "Office 365 SharePoint Online", "appId": app}})
    rows = [changed("Invite external user") | {"InitiatedBy": told}]
    assert weigh({DIRECTORY: rows}, (DIRECTORY, 0, "medium", "T1136.003")) == [level]


CREATED = act("Microsoft.Compute/disks/write", -90, ActivitySubstatusValue="Created")
BACK = act("Microsoft.Compute/disks/write", 90)


@pytest.mark.parametrize(
    ("other", "level"),
    [
        (CREATED, "low"),
        (BACK, "low"),
        ({**CREATED, "ActivitySubstatusValue": "OK"}, "medium"),
        ({**CREATED, "ActivityStatusValue": "Failure"}, "medium"),
        ({**CREATED, "Caller": "bo@contoso.com"}, "medium"),
        ({**CREATED, "CallerIpAddress": "203.0.113.9"}, "medium"),
        ({**CREATED, "ResourceId": f"{DISK}2"}, "medium"),
        ({**BACK, "TimeGenerated": START + timedelta(days=2)}, "medium"),
    ],
)
def test_what_was_made_or_is_put_back_by_the_same_account(other: Row, level: str) -> None:
    rows = [act("Microsoft.Compute/disks/delete"), other]
    assert weigh({AZURE: rows}, (AZURE, 0, "medium", "T1485")) == [level]
    assert weigh({AZURE: rows}, (AZURE, 0, "high", "T1485")) == ["high"]
