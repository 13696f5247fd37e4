"""Everything a user may set for an investigation."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from soc_analyst.state.base import UtcTime

__all__ = ["Context"]

DEFAULT_DATA_DIR = Path(".soc-analyst")


def _none_if_blank(given: object) -> object:
    """Take an emptied field of a form as one that was never filled in."""
    return None if isinstance(given, str) and not given.strip() else given


def _undecided(schema: JsonDict) -> None:
    """Leave out a default that is no value: a form draws an empty field."""
    schema.pop("default", None)


OptionalTime = Annotated[UtcTime | SkipJsonSchema[None], BeforeValidator(_none_if_blank)]
OptionalPath = Annotated[Path | SkipJsonSchema[None], BeforeValidator(_none_if_blank)]


class Context(BaseModel):
    """The runtime context of the graph. All fields are optional; nothing else configures a node."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workspace: str = Field(
        default="sample",
        min_length=1,
        max_length=1_000,
        description="Where the logs are: `sample`, a folder of <Table>.parquet|csv|jsonl, or azure:WORKSPACE_ID.",
    )
    model: str = Field(
        default="none",
        min_length=1,
        max_length=300,
        description="Which language model plans and analyses; `none` lets rules do both.",
    )
    now: OptionalTime = Field(
        default=None,
        json_schema_extra=_undecided,
        description="The investigation's clock (ISO 8601). Default: the workspace's own clock.",
    )
    since: OptionalTime = Field(
        default=None, json_schema_extra=_undecided, description="Start of the window; wins over the question."
    )
    until: OptionalTime = Field(default=None, json_schema_extra=_undecided, description="End of the window, exclusive.")
    alert: str = Field(
        default="",
        max_length=200,
        description="The AlertId to start from: its things and time are looked into, and its claim is tested.",
    )
    max_rounds: int = Field(default=6, ge=1, le=20, description="Plans that may be made, the first one included.")
    max_queries: int = Field(default=100, ge=1, le=500, description="Queries that may run.")
    max_rows: int = Field(default=500_000, ge=1, le=10_000_000, description="Rows that may be fetched in all.")
    max_usd: float = Field(
        default=1.0, ge=0.0, allow_inf_nan=False, description="Dollars that may be spent on a language model."
    )
    max_seconds: float = Field(
        default=600.0, gt=0.0, allow_inf_nan=False, description="Seconds of work before the report is written."
    )
    repeat: int = Field(
        default=1, ge=1, le=10, description="How often a model judges the evidence; the report says how far it agrees."
    )
    memory: bool = Field(
        default=False,
        description="Tell what earlier reports that a person accepted say of the same hosts, accounts and addresses.",
    )
    approve: Literal["auto", "costly", "always"] = Field(
        default="auto", description="When a person must approve the plan before it runs."
    )
    policy: OptionalPath = Field(
        default=None, json_schema_extra=_undecided, description="A policy file instead of the default one."
    )
    sigma_rules: OptionalPath = Field(
        default=None, json_schema_extra=_undecided, description="A folder of further Sigma rules."
    )
    known_good: OptionalPath = Field(
        default=None,
        json_schema_extra=_undecided,
        description="A file of what is known to be good at your place; it lowers findings, with the reason.",
    )
    attack_data: OptionalPath = Field(
        default=None,
        json_schema_extra=_undecided,
        description="A STIX 2 bundle of ATT&CK (JSON) instead of the release that comes along.",
    )
    data_dir: Path = Field(
        default=DEFAULT_DATA_DIR, description="Where loaded workspaces, evidence and _threats.jsonl live."
    )
    evidence: str = Field(
        default="",
        max_length=2_000,
        description="Another place for the rows of queries: a folder, or a URL that fsspec knows, such as s3://BUCKET/PATH.",
    )
    privacy: Literal["off", "personal", "all"] = Field(
        default="personal",
        description="What a language model sees as pseudonyms only: nothing, what policy marks personal, or all names.",
    )
    tier: Literal["free", "1", "2", "3", "4", "5"] = Field(
        default="1",
        description="The account's rate-limit tier at the model's provider; `soc-analyst models` shows its figures.",
    )
    warn_ratio: float = Field(
        default=0.8, gt=0.0, le=1.0, description="The share of a limit from which on a warning is given."
    )
    over_limit: tuple[Literal["switch", "split", "wait", "narrow"], ...] = Field(
        default=("switch", "split", "wait", "narrow"),
        description="What to do, in this order, about a model request over a limit; what is not named is never done.",
    )

    limits: OptionalPath = Field(
        default=None,
        json_schema_extra=_undecided,
        description="A file of what your account and servers take: limits by tier, limits and context of models.",
    )

    @field_validator("over_limit", mode="before")
    @classmethod
    def _listed(cls, given: object) -> object:
        """Take a list by comma, and `none` for an empty one."""
        if not isinstance(given, str):
            return given
        return tuple(one.strip() for one in given.split(",")) if given.strip() != "none" else ()

    @field_validator("evidence")
    @classmethod
    def _without_a_secret(cls, given: str) -> str:
        """Refuse a password: what is set here is kept with the case."""
        if "@" in given.partition("://")[2].partition("/")[0]:
            raise ValueError("holds a user or a password; set it where the store's own library reads it")
        return given

    @field_validator("over_limit")
    @classmethod
    def _each_once(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(given)) < len(given):
            raise ValueError("names a remedy twice")
        return given

    def window_option(self) -> tuple[datetime | None, datetime | None]:
        """Return the window the user fixed, if any."""
        return self.since, self.until
