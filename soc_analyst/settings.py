"""The one reader of the environment. Order: option, then environment, then default."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """What the environment says; None where it says nothing."""

    data_dir: Path | None = None
    model: str | None = None
    logs_endpoint: str | None = None
    openai_key_present: bool = False
    no_color: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read SOC_ANALYST_HOME, SOC_ANALYST_MODEL, SOC_ANALYST_LOGS_ENDPOINT and NO_COLOR; no secret is kept."""
        given = os.environ if environment is None else environment
        home = given.get("SOC_ANALYST_HOME")
        return cls(
            data_dir=Path(home) if home else None,
            model=given.get("SOC_ANALYST_MODEL") or None,
            logs_endpoint=given.get("SOC_ANALYST_LOGS_ENDPOINT") or None,
            openai_key_present=bool(given.get("OPENAI_API_KEY")),
            no_color=bool(given.get("NO_COLOR")),
        )
