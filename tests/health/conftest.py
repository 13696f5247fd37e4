"""A live workspace that doctor can be sent to, with nothing of this machine's own environment in the way."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from soc_analyst.cli.app import run
from soc_analyst.tools.logs.service import LogAnalyticsService, Tenant, unsigned_token

from ..graph.workspace import END, small

WORKSPACE = "11111111-1111-4111-8111-111111111111"
TOKEN = unsigned_token(user="alice@contoso.com")
SECRETS = {
    "OPENAI_API_KEY": "sk-seeded-of-openai-1",
    "SOC_ANALYST_API_KEY": "seeded of server",
    "AZURE_OPENAI_API_KEY": "seeded-of-azure-openai",
    "SOMEBODYS_CONNECTION_STRING": "Endpoint=sb://seeded;SharedAccessKey=seeded-shared-key",
    "HTTPS_PROXY_PASSWORD": "seeded-of-proxy",
}


class Told(NamedTuple):
    """What a checkup said: its exit status, its steps by name, and all that was printed."""

    status: int
    steps: dict[str, Any]
    text: str

    def step(self, name: str) -> tuple[str, str, str]:
        """Return a step's status, what it says, and what to do."""
        found = self.steps[name]
        return found["status"], found["what"], found["do"]


Doctor = Callable[..., Told]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogAnalyticsService]:
    """One service for all tests; `doctor` switches its faults off before each."""
    home = tmp_path_factory.mktemp("service")
    tenant = Tenant(small(home / "logs"), lacking={"AlertInfo"}, without={"SigninLogs": {"RiskState"}})
    with LogAnalyticsService({WORKSPACE: tenant}, home=home / "served", tls=True, token=TOKEN) as served:
        yield served


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Take away what the environment says of Azure, proxies and models, and every tool on the path."""
    for name in os.environ:
        if (
            name.startswith(("AZURE_", "IDENTITY_", "IMDS_", "MSI_", "OPENAI_", "SOC_ANALYST_"))
            or "PROXY" in name.upper()
        ):
            monkeypatch.delenv(name)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", f"{tools}:/bin:/usr/bin")
    return monkeypatch


@pytest.fixture
def doctor(
    service: LogAnalyticsService, bare: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Doctor]:
    """Send doctor to the service; the caller says in which environment, `by` names the one that signs in."""
    service.fail()
    service.refuse_sign_in("")
    for name, value in SECRETS.items():
        bare.setenv(name, value)

    def sent(
        by: str = "identity", *more: str, spec: str = f"azure:{WORKSPACE}", shown: bool = False, **variables: str
    ) -> Told:
        known = {"identity": service.identity, "application": service.application, "nobody": {}}[by]
        given = {
            "SSL_CERT_FILE": str(service.authority),
            "SOC_ANALYST_LOGS_ENDPOINT": service.url,
            **known,
            **variables,
        }
        for name, value in given.items():
            bare.setenv(name, value)
        arguments = ["doctor", "--workspace", spec, "--data-dir", str(tmp_path / "data"), "--now", END.isoformat()]
        arguments += ["--model", "none", *more]
        status = run([*arguments, "--json"])
        out, err = capsys.readouterr()
        told = json.loads(out)
        assert told["exit_status"] == status
        if shown:
            assert run(arguments) == status
            out, more_err = capsys.readouterr()
            err += more_err
        assert not err
        secrets = [*SECRETS.values(), TOKEN, TOKEN.split(".")[2], service.application["AZURE_CLIENT_SECRET"]]
        for secret in [*secrets, *(value for name, value in variables.items() if "SECRET" in name)]:
            assert not secret or secret not in f"{json.dumps(told, ensure_ascii=False)}{out}"
        return Told(status, {one["step"]: one for one in told["steps"]}, out)

    yield sent
    service.fail()
    service.refuse_sign_in("")
