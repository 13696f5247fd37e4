"""Which of azure-identity's variables are set, and what they amount to before anybody is asked."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

__all__ = ["NAMES", "Variables"]

ID, TENANT, SECRET = "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"
CERTIFICATE, FEDERATED = "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE"
ENDPOINTS = ("IDENTITY_ENDPOINT", "MSI_ENDPOINT", "IMDS_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST")
NAMES = (ID, TENANT, SECRET, CERTIFICATE, FEDERATED, *ENDPOINTS)


@dataclass(frozen=True)
class Variables:
    """What the environment says of who asks; names, files and a choice, never a secret."""

    present: frozenset[str] = frozenset()
    empty: frozenset[str] = frozenset()
    """Those that are set to nothing, which azure-identity takes for a value."""
    chosen: str = ""
    """AZURE_TOKEN_CREDENTIALS: one credential by name, `dev`, `prod`, or all where it is not set."""
    certificate: Path | None = None
    federated: Path | None = None

    @property
    def only_environment(self) -> bool:
        """Return whether nothing but the variables may sign in."""
        return self.chosen.casefold() == "environmentcredential"

    @property
    def lacking(self) -> tuple[str, ...]:
        """Return the variables without which those that are set sign nobody in; none where they are whole or unset."""
        own = self.present & {SECRET, CERTIFICATE}
        whole = own or FEDERATED in self.present
        if own:
            return tuple(name for name in (ID, TENANT) if name not in self.present)
        if not whole and {ID, TENANT} <= self.present:
            return (f"{SECRET} or {CERTIFICATE}",)
        if self.only_environment:
            return tuple(name for name in (ID, TENANT, SECRET) if name not in self.present)
        return ()

    @property
    def given(self) -> tuple[str, ...]:
        """Return those that are set of an application's sign-in."""
        return tuple(name for name in (ID, TENANT, SECRET, CERTIFICATE) if name in self.present)

    @property
    def missing_file(self) -> tuple[str, Path] | None:
        """Return a file that a variable names and that is not there."""
        named = ((CERTIFICATE, self.certificate), (FEDERATED, self.federated))
        return next(((name, path) for name, path in named if path is not None and not path.is_file()), None)

    @property
    def sources(self) -> tuple[str, ...]:
        """Return what can be tried here, in azure-identity's order, for people."""
        if self.chosen and self.chosen.casefold() not in ("dev", "prod"):
            return (f"{self.chosen} alone (AZURE_TOKEN_CREDENTIALS)",)
        whole = not self.lacking and {ID, TENANT} <= self.present
        found = (
            ("the environment's application", whole and bool(self.present & {SECRET, CERTIFICATE})),
            ("workload identity", whole and FEDERATED in self.present),
            ("managed identity", True),
            ("Azure CLI", shutil.which("az") is not None),
        )
        return tuple(name for name, there in found if there)
