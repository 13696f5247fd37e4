"""What an account may ask of each model by its tier, and what the user's own file says instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field

from soc_analyst.state.base import Value

from .catalogue import catalogue
from .limits import Limits
from .spec import ModelSpec

__all__ = ["Figures", "Stated", "Tier", "default_figures", "limits_for"]

Tier = Literal["free", "1", "2", "3", "4", "5"]


@dataclass(frozen=True)
class Stated:
    """What the user's file says of one model, whatever its tier; None where it says nothing."""

    context: int | None = None
    """Tokens of a request and its answer together."""
    output: int | None = None
    """Tokens of an answer."""
    limits: Limits | None = None


@dataclass(frozen=True)
class Figures:
    """What is taken for true of accounts and models before the first answer."""

    source: str
    """Where the figures are from, in words for people."""
    tiers: Mapping[str, Mapping[Tier, Limits]]
    """Limits by the catalogue's name of a model and tier; a tier that is missing does not have the model."""
    estimated: frozenset[str] = frozenset()
    """Models of `tiers` whose figures nobody published."""
    models: Mapping[ModelSpec, Stated] = field(default_factory=dict)
    """What is stated of single models."""

    def stated(self, spec: ModelSpec) -> Stated:
        """Return what the user states of a model."""
        return self.models.get(spec, Stated())

    def is_estimate(self, spec: ModelSpec) -> bool:
        """Return whether a model's limits are an estimate of ours."""
        known = catalogue().known(spec.name) or spec.name
        return spec.kind == "openai" and known in self.estimated and self.stated(spec).limits is None


class _Limits(Value):
    tpm: int | None = Field(default=None, gt=0)
    rpm: int | None = Field(default=None, gt=0)
    tpd: int | None = Field(default=None, gt=0)
    rpd: int | None = Field(default=None, gt=0)


class _Tiers(Value):
    source: str
    estimated: frozenset[str]
    tiers: Mapping[str, Mapping[Tier, _Limits]]


@lru_cache(maxsize=1)
def default_figures() -> Figures:
    """Return the figures that this package ships, read from tiers.yaml."""
    read = _Tiers.model_validate(yaml.safe_load(Path(__file__).with_name("tiers.yaml").read_text("utf-8")))
    tiers = {
        name: {tier: Limits(**figures.model_dump()) for tier, figures in own.items()}
        for name, own in read.tiers.items()
    }
    return Figures(read.source, tiers, read.estimated)


def limits_for(spec: ModelSpec, tier: Tier, figures: Figures | None = None) -> Limits | None:
    """Return a model's limits in a tier, or None where that tier does not have the model.

    Of other models than OpenAI's nothing is known unless it is stated: a deployment on Azure has the quota that it got,
    a server its own.
    """
    figures = figures or default_figures()
    stated = figures.stated(spec).limits
    if stated is not None:
        return stated
    known = catalogue().known(spec.name) or spec.name
    if spec.kind != "openai" or known not in figures.tiers:
        return Limits()
    return figures.tiers[known].get(tier)
