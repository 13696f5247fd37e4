"""The one reader of the environment. Order: option, then environment, then default."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from soc_analyst.tools.logs.azure.variables import Variables
    from soc_analyst.tools.models.keys import Keys
    from soc_analyst.tools.sealing import Seal

__all__ = ["Settings", "environment_now", "reading_from"]

BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""How OpenSSL, requests and curl are told of a file of certificates; the first that is set counts."""

_SECRET = re.compile(r"(KEY|SECRET|PASSWORD|PASSWD|TOKEN|CONNECTION_?STRING|SAS|IDENTITY_HEADER)\Z", re.IGNORECASE)
"""How the name of a variable ends that holds a secret, whoever reads it."""

_kept: ContextVar[Mapping[str, str] | None] = ContextVar("environment", default=None)

_PASSWORD = re.compile(r"(?:://[^/@:]*:|[?&]password=)([^@&#]+)")


def environment_now() -> Mapping[str, str]:
    """Return the environment as it is, for `reading_from` later."""
    return dict(os.environ)


@contextmanager
def reading_from(environment: Mapping[str, str]) -> Iterator[None]:
    """Let settings that are read within come from an environment that was kept, whatever the process has by now."""
    before = _kept.set(environment)
    try:
        yield
    finally:
        _kept.reset(before)


def _given(environment: Mapping[str, str] | None) -> Mapping[str, str]:
    if environment is not None:
        return environment
    kept = _kept.get()
    return os.environ if kept is None else kept


@dataclass(frozen=True)
class Settings:
    """What the environment says; None where it says nothing."""

    data_dir: Path | None = None
    model: str | None = None
    logs_endpoint: str | None = None
    management_endpoint: str | None = None
    """Another Azure Resource Manager than the public cloud's, for incidents."""
    incident_workspace: str | None = None
    """The workspace that incidents go to."""
    served: Path | None = None
    """The file of what a server holds fast, whoever asks it."""
    authority: Path | None = None
    """A file of certificates to trust besides those of the system."""
    openai_key_present: bool = False
    no_color: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read our own settings, NO_COLOR and the usual names of a file of certificates; no secret is kept."""
        given = _given(environment)
        home = given.get("SOC_ANALYST_HOME")
        bundle = next((given[name] for name in BUNDLES if given.get(name)), None)
        return cls(
            data_dir=Path(home) if home else None,
            model=given.get("SOC_ANALYST_MODEL") or None,
            served=Path(given["SOC_ANALYST_SERVED"]) if given.get("SOC_ANALYST_SERVED") else None,
            authority=Path(bundle) if bundle else None,
            logs_endpoint=given.get("SOC_ANALYST_LOGS_ENDPOINT") or None,
            management_endpoint=given.get("SOC_ANALYST_MANAGEMENT_ENDPOINT") or None,
            incident_workspace=given.get("SOC_ANALYST_INCIDENT_WORKSPACE") or None,
            openai_key_present=bool(given.get("OPENAI_API_KEY", "").strip()),
            no_color=bool(given.get("NO_COLOR")),
        )

    @staticmethod
    def keys(environment: Mapping[str, str] | None = None) -> Keys:
        """Read the keys of model providers, and where Azure is; what is empty is not set."""
        from soc_analyst.tools.models.keys import AZURE_VERSION, Keys

        given = _given(environment)

        def value(name: str) -> str | None:
            return given.get(name, "").strip() or None

        return Keys(
            openai=value("OPENAI_API_KEY"),
            server=value("SOC_ANALYST_API_KEY"),
            azure_openai=value("AZURE_OPENAI_API_KEY"),
            azure_endpoint=value("AZURE_OPENAI_ENDPOINT"),
            azure_api_version=value("OPENAI_API_VERSION") or AZURE_VERSION,
        )

    @staticmethod
    def checkpoints(environment: Mapping[str, str] | None = None) -> str | None:
        """Read where the checkpoints of `hunt` and `resume` are: a URL that may hold a password, so it is not kept."""
        given = _given(environment)
        return given.get("SOC_ANALYST_CHECKPOINTS", "").strip() or None

    @staticmethod
    def seal(environment: Mapping[str, str] | None = None) -> Seal | None:
        """Read the key that all which is kept of a case is sealed with; None where none is named."""
        given = _given(environment)
        path = given.get("SOC_ANALYST_KEY_FILE", "").strip()
        if not path:
            return None
        from soc_analyst.tools.sealing import Seal, read_key

        return Seal(read_key(Path(path)))

    @staticmethod
    def azure(environment: Mapping[str, str] | None = None) -> Variables:
        """Read which of azure-identity's variables are set; no secret is kept."""
        from soc_analyst.tools.logs.azure.variables import NAMES, Variables

        given = _given(environment)
        files = [given.get(name) for name in ("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE")]
        return Variables(
            present=frozenset(name for name in NAMES if given.get(name)),
            empty=frozenset(name for name in NAMES if given.get(name) == ""),
            chosen=given.get("AZURE_TOKEN_CREDENTIALS", "").strip(),
            certificate=Path(files[0]) if files[0] else None,
            federated=Path(files[1]) if files[1] else None,
        )

    @staticmethod
    def secrets(environment: Mapping[str, str] | None = None) -> frozenset[str]:
        """Return the values that must appear in no text, to be looked for there; keep them no longer than that."""
        given = _given(environment)
        named = {value.strip() for name, value in given.items() if _SECRET.search(name) and value.strip()}
        return frozenset(named | set(_passwords(given.get("SOC_ANALYST_CHECKPOINTS", ""))))


def _passwords(url: str) -> Iterator[str]:
    """Yield a password in a URL as it is written there and as it is meant."""
    for found in _PASSWORD.finditer(url):
        yield found[1]
        yield unquote(found[1])
