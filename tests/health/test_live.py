"""`doctor` on a live workspace: the real clients over TLS, each failure told with what to do, none in a cascade."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from soc_analyst.tools.certificate import write_certificate
from soc_analyst.tools.logs.service import Fault, Kind, LogAnalyticsService, unsigned_token
from soc_analyst.tools.logs.service.identity import PRINCIPAL, TENANT

from .conftest import TOKEN, WORKSPACE, Doctor

OTHER_TENANT = "66666666-6666-4666-8666-666666666666"


def test_all_is_well_and_each_table_is_told(doctor: Doctor) -> None:
    told = doctor(shown=True)
    assert told.status == 0
    assert {name: step["status"] for name, step in told.steps.items()} == {
        "configuration": "ok", "policy": "ok", "data folder": "ok", "detections": "ok", "credential": "ok",
        "token": "ok", "workspace": "ok", "tables": "note", "model": "ok",
    }  # fmt: skip
    assert told.step("token")[1] == f"from managed identity as alice@contoso.com, tenant {TENANT}"
    tables = {one["table"]: one for one in told.steps["tables"]["tables"]}
    assert len(tables) == 11
    assert (tables["AlertInfo"]["status"], tables["AlertInfo"]["rows"]) == ("missing", None)
    assert tables["SigninLogs"]["lacking"] == ["RiskState"] and tables["SigninLogs"]["rows"] == 8
    assert tables["SigninLogs"]["last"].startswith("2026-03-04T11")
    assert (tables["AuditLogs"]["status"], tables["AuditLogs"]["rows"]) == ("empty", 0)
    assert "SigninLogs                         8 rows  2026-03-04 11:00, 1 h ago  lacks RiskState\n" in told.text
    assert told.text.rstrip().endswith("All works. Worth knowing: tables.")


def test_an_application_signs_in_over_tls_with_its_secret(doctor: Doctor) -> None:
    told = doctor("application")
    assert told.status == 0
    assert told.step("token")[1].startswith("from the environment's application as alice@contoso.com")


SIGN_INS = {
    "AADSTS7000215": ("the client secret is wrong (AADSTS7000215)", "secret's value, not to its id"),
    "AADSTS7000222": ("the client secret is over", "Make a new secret"),
    "AADSTS700016": (f"no application of this client id (tenant {TENANT})", "Check AZURE_CLIENT_ID"),
    "AADSTS90002": (f"there is no such tenant (tenant {TENANT})", "Set AZURE_TENANT_ID"),
    "AADSTS53003": ("conditional access", "Ask who runs the tenant"),
    "AADSTS999999": ("Microsoft Entra ID refused (AADSTS999999)", "https://login.microsoftonline.com/error"),
}


@pytest.mark.parametrize("refusal", SIGN_INS)
def test_why_entra_id_gives_no_token(refusal: str, doctor: Doctor, service: LogAnalyticsService) -> None:
    service.refuse_sign_in(refusal)
    told, (what, do) = doctor("application", shown=refusal == "AADSTS7000215"), SIGN_INS[refusal]
    status, said, hint = told.step("token")
    assert (told.status, status) == (4, "failed")
    assert what in said and do in hint
    for name in ("workspace", "tables"):
        assert told.step(name) == ("skipped", "because token failed", "")
    assert told.text.count("FAIL") == (refusal == "AADSTS7000215")


def test_a_wrong_secret_is_told_and_not_shown(doctor: Doctor) -> None:
    told = doctor("application", AZURE_CLIENT_SECRET="seeded~wrong~secret")
    assert "the client secret is wrong" in told.step("token")[1]


def test_a_machine_without_a_managed_identity(doctor: Doctor, service: LogAnalyticsService) -> None:
    service.refuse_sign_in("no-identity")
    status, said, hint = doctor().step("token")
    assert status == "failed" and "managed identity" in said and "Assign a managed identity" in hint
    assert "IDENTITY_ENDPOINT set to nothing" in doctor("nobody", IDENTITY_ENDPOINT="").step("credential")[1]


def test_a_virtual_machine_whose_identity_is_not_assigned(doctor: Doctor, service: LogAnalyticsService) -> None:
    given = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": service.url, "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential"}
    assert doctor("nobody", **given).status == 0
    service.refuse_sign_in("no-identity")
    told = doctor("nobody", **given)
    assert told.step("token")[1] == "managed identity: no identity, or not this one, is assigned to this resource"


AZ = """#!/bin/sh
{body}
"""


def put_az(tmp_path: Path, body: str) -> None:
    """Put an Azure CLI on the path that says what it is told to."""
    az = tmp_path / "tools" / "az"
    az.write_text(AZ.format(body=body))
    az.chmod(0o755)


CLI = {"AZURE_TOKEN_CREDENTIALS": "AzureCliCredential"}


def test_nobody_is_signed_in(doctor: Doctor, tmp_path: Path) -> None:
    status, said, hint = doctor("nobody", **CLI).step("token")
    assert status == "failed" and said == "nobody is signed in (tried Azure CLI)"
    assert "`az login`" in hint and "`az` is not installed here" in hint
    put_az(tmp_path, "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1")
    _, said, hint = doctor("nobody", **CLI).step("token")
    assert said.startswith("nobody is signed in: the Azure CLI is here and has no account") and "`az login`" in hint


def test_every_tool_of_a_developer_is_tried_after_one_that_fails(doctor: Doctor, tmp_path: Path) -> None:
    dev = {"AZURE_TOKEN_CREDENTIALS": "dev"}
    _, said, _ = doctor("nobody", **dev).step("token")
    assert said.startswith("nobody is signed in (tried ") and "Azure CLI, Azure PowerShell, Azure Developer CLI" in said
    put_az(tmp_path, "echo 'ERROR: AADSTS50076: You must use multi-factor authentication.' >&2; exit 1")
    azd = tmp_path / "tools" / "azd"
    azd.write_text(f"""#!/bin/sh\necho '{{"token": "{TOKEN}", "expiresOn": "2099-01-01T00:00:00Z"}}'\n""")
    azd.chmod(0o755)
    assert doctor("nobody", **dev).step("token")[1].startswith("from Azure Developer CLI as alice@contoso.com")
    azd.unlink()
    assert doctor("nobody", **dev).step("token")[1] == "Azure CLI: a second factor is asked for (AADSTS50076)"


def test_the_azure_cli_signs_in_or_is_too_old(doctor: Doctor, tmp_path: Path) -> None:
    given = f'{{"accessToken": "{TOKEN}", "expiresOn": "2099-01-01 00:00:00.000000", "expires_on": 4070908800}}'
    put_az(tmp_path, f"echo '{given}'")
    assert doctor("nobody", **CLI).step("token")[1].startswith("from Azure CLI as alice@contoso.com")
    put_az(tmp_path, "echo 'ERROR: AADSTS700082: The refresh token has expired. seeded-in-stderr' >&2; exit 1")
    told = doctor("nobody", **CLI)
    assert told.step("token")[1:] == (
        "Azure CLI: the sign-in is too old (AADSTS700082)", "Sign in anew: `az logout`, then `az login`.",
    )  # fmt: skip
    assert "seeded-in-stderr" not in told.text


def test_a_credential_that_is_half_set(doctor: Doctor) -> None:
    half = {"AZURE_CLIENT_ID": PRINCIPAL, "AZURE_CLIENT_SECRET": "seeded-half-secret"}
    told = doctor("nobody", **half, AZURE_TOKEN_CREDENTIALS="EnvironmentCredential")
    assert told.status == 2
    _, said, hint = told.step("credential")
    assert "half set: AZURE_CLIENT_ID, AZURE_CLIENT_SECRET without AZURE_TENANT_ID" in said
    assert hint == "Set AZURE_TENANT_ID."
    assert told.step("token") == ("skipped", "because credential failed", "")


def test_a_half_set_credential_is_a_note_where_another_one_works(doctor: Doctor) -> None:
    told = doctor(AZURE_CLIENT_SECRET="seeded-half-secret", AZURE_TOKEN_CREDENTIALS="prod")
    assert told.step("credential")[0] == "note" and told.step("token")[0] == "ok"
    assert "or unset AZURE_CLIENT_SECRET to sign in another way" in told.step("credential")[2]


@pytest.mark.parametrize(
    "variables",
    [
        {"AZURE_CLIENT_CERTIFICATE_PATH": "/nowhere.pem"},
        {"AZURE_TOKEN_CREDENTIALS": "nonsense"},
        {"AZURE_TENANT_ID": "bad tenant!", "AZURE_CLIENT_ID": PRINCIPAL, "AZURE_CLIENT_SECRET": "seeded-x"},
    ],
)
def test_variables_that_cannot_be_meant_so(variables: dict[str, str], doctor: Doctor) -> None:
    told = doctor("nobody", **variables)
    assert (told.status, told.step("credential")[0]) == (2, "failed")


ANSWERS: dict[Kind, tuple[str, str]] = {
    "forbidden": ("this credential may not read the workspace; the token is of tenant", f"--assignee {PRINCIPAL} "),
    "unauthorized": ("does not take this credential's token", "az login --tenant"),
    "not_found": ("there is no such workspace", "az monitor log-analytics workspace list"),
    "throttled": ("takes no more queries for now", "Wait a minute"),
    "other_tenant": (f"of tenant {TENANT}, the workspace belongs to tenant {OTHER_TENANT}", f"--tenant {OTHER_TENANT}"),
    "other_audience": ("the token is for another service", "SOC_ANALYST_LOGS_ENDPOINT"),
    "token_over": ("the token is over by the service's clock", "Set this machine's clock"),
    "server_error": ("failed with status 500", "Try again later"),
    "timeout": ("gave up on the query", "Narrow"),
    "reset": ("broke off before its end", "Check the network"),
    "wrong_type": ("no answer of Log Analytics", "such as a proxy"),
    "garbage": ("no answer of Log Analytics", "such as a proxy"),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_why_the_workspace_does_not_answer(kind: Kind, doctor: Doctor, service: LogAnalyticsService) -> None:
    service.fail(Fault(kind, times=0))
    told, (what, do) = doctor(), ANSWERS[kind]
    status, said, hint = told.step("workspace")
    assert (told.status, status) == (4, "failed")
    assert what in said and do in hint
    assert told.step("tables") == ("skipped", "because workspace failed", "")
    assert told.step("model")[0] == "ok"


def test_how_long_to_wait_where_the_service_says_it(doctor: Doctor, service: LogAnalyticsService) -> None:
    service.fail(Fault("throttled", times=0, retry_after=90))
    assert doctor().step("workspace")[2].startswith("Wait 90 seconds")


def test_a_name_instead_of_the_id(doctor: Doctor) -> None:
    told = doctor(spec="azure:Contoso-SOC")
    status, said, hint = told.step("configuration")
    assert (told.status, status) == (2, "failed")
    assert "'Contoso-SOC' is no workspace id" in said and "[?name=='Contoso-SOC'].customerId" in hint
    assert {told.step(name)[0] for name in ("credential", "token", "workspace", "tables")} == {"skipped"}
    resource = "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/Contoso-SOC"
    assert f"show --ids {resource} --query customerId" in doctor(spec=f"azure:{resource}").step("configuration")[2]
    assert "$(" not in doctor(spec="azure:x'];$(id)").step("configuration")[2]


def test_one_of_several_workspaces_is_named(doctor: Doctor) -> None:
    told = doctor(spec=f"azure:{WORKSPACE},{WORKSPACE.replace('1', '2')}")
    assert told.step("workspace")[1].startswith("22222222-2222-4222-8222-222222222222: there is no such workspace")


@pytest.mark.parametrize(
    ("endpoint", "what"),
    [
        ("https://127.0.0.1:9", "127.0.0.1:9 could not be reached (connection refused)"),
        ("https://no-such-host.invalid", "the name no-such-host.invalid is not known"),
    ],
)
def test_an_endpoint_that_is_not_there(endpoint: str, what: str, doctor: Doctor) -> None:
    told = doctor(SOC_ANALYST_LOGS_ENDPOINT=endpoint)
    assert told.step("workspace")[1] == what


def test_a_certificate_that_is_not_trusted(doctor: Doctor, tmp_path: Path) -> None:
    put_az(tmp_path, f"""echo '{{"accessToken": "{TOKEN}", "expires_on": 4070908800}}'""")
    certificate, _ = write_certificate(tmp_path)
    told = doctor("nobody", **CLI, SSL_CERT_FILE=str(certificate))
    _, said, hint = told.step("workspace")
    assert "the certificate of 127.0.0.1:" in said and "is not trusted" in said and "SSL_CERT_FILE" in hint


def test_a_proxy_that_is_not_there(doctor: Doctor, tmp_path: Path) -> None:
    put_az(tmp_path, f"""echo '{{"accessToken": "{TOKEN}", "expires_on": 4070908800}}'""")
    told = doctor("nobody", **CLI, HTTPS_PROXY="http://user:seeded-pass@127.0.0.1:9", NO_PROXY="")
    assert told.step("workspace")[1] == "the proxy 127.0.0.1:9 could not be reached"
    assert "seeded-pass" not in told.text


def test_clocks_that_differ(doctor: Doctor, service: LogAnalyticsService) -> None:
    try:
        service.ahead = timedelta(seconds=700)
        told = doctor()
        status, said, hint = told.step("workspace")
        assert (told.status, status) == (0, "note")
        assert "this machine's clock is 700 seconds behind the service's" in said and "Set this machine's clock" in hint
        service.ahead = timedelta(seconds=-700)
        service.fail(Fault("unauthorized", times=0))
        told = doctor()
        assert "700 seconds ahead of the service's, which tokens do not allow" in told.step("workspace")[1]
        service.refuse_sign_in("AADSTS700024")
        assert "700 seconds ahead of the service's" in doctor("application").step("token")[1]
    finally:
        service.ahead = timedelta()


@pytest.mark.parametrize(("begins", "ends", "what"), [(1, 2, "holds only"), (-2, -1, "it ended")])
def test_a_token_out_of_its_time(begins: int, ends: int, what: str, doctor: Doctor, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    token = unsigned_token(begins=now + timedelta(hours=begins), ends=now + timedelta(hours=ends))
    put_az(tmp_path, f"""echo '{{"accessToken": "{token}", "expires_on": 4070908800}}'""")
    told = doctor("nobody", **CLI)
    status, said, hint = told.step("token")
    assert status == "failed" and what in said and "Set this machine's clock" in hint
    assert token not in told.text


def test_a_workspace_without_a_row_cannot_be_looked_into(doctor: Doctor) -> None:
    told = doctor("identity", "--now", "2020-01-01T00:00:00Z")
    assert (told.status, told.step("tables")[0]) == (4, "failed")
    assert "none of 11 has rows in 7 days" in told.step("tables")[1]


def test_a_table_that_cannot_be_asked_is_named_with_the_reason(doctor: Doctor, service: LogAnalyticsService) -> None:
    said = f"Failed: \x1b[2J AccountKey=seeded-in-answer== Bearer {TOKEN} password: seeded-in-answer1"
    service.fail(Fault("semantic", match="let SigninLogs", times=0, message=said))
    told = doctor(shown=True)
    status, what, _ = told.step("tables")
    assert (told.status, status) == (4, "failed") and what.endswith("; SigninLogs could not be asked")
    table = next(one for one in told.steps["tables"]["tables"] if one["table"] == "SigninLogs")
    assert (table["status"], table["rows"]) == ("failed", None) and "the service does not take the query" in table[
        "why"
    ]
    assert "seeded-in-answer" not in f"{told}" and "\x1b" not in told.text
