"""`compose.yaml` hangs together: what it names is there, what it sets is read, and no secret is written into it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from soc_analyst.graph.checkpoints.database import database_of

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose.yaml"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return read


def test_all_that_is_named_is_there(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        assert service["image"] and ":latest" not in service["image"], name
        for needed in service.get("depends_on", {}):
            assert "healthcheck" in services[needed]
        for volume in service.get("volumes", ()):
            assert volume.partition(":")[0] in compose["volumes"]
        assert set(service.get("secrets", ())) <= set(compose["secrets"])
    assert "secrets/" in (ROOT / ".gitignore").read_text().split()


def test_every_setting_of_ours_is_one_that_is_read(compose: dict[str, Any]) -> None:
    read = (ROOT / "soc_analyst" / "settings.py").read_text()
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if name.startswith("SOC_ANALYST_"):
                assert f'"{name}"' in read, name
            if re.search("KEY$|PASSWORD", name):
                assert str(value).startswith("${"), f"{name} is written into the file"
    hunt = compose["services"]["hunt"]["environment"]
    database = database_of(re.sub(r"\$\{[^}]*\}", "secret", hunt["SOC_ANALYST_CHECKPOINTS"]))
    assert database is not None and database.shown == "postgresql://postgres:5432/soc" and database.has_password
    assert "PASSWORD" in hunt["SOC_ANALYST_CHECKPOINTS"] and "${" in hunt["SOC_ANALYST_CHECKPOINTS"]


@pytest.mark.skipif(shutil.which("docker") is None, reason="docker is not installed")
def test_compose_itself_reads_it() -> None:
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if plugin.returncode:
        pytest.skip("docker has no compose")
    done = subprocess.run(
        ["docker", "compose", "-f", str(COMPOSE), "config", "--quiet"],
        env={"POSTGRES_PASSWORD": "x", "PATH": "/usr/bin:/bin:/usr/local/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
