"""The models that a policy allows, with all that is known of them, and in which order they would be asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import get_args

from .allowing import model_is_allowed
from .base import Role
from .candidates import alternatives, facts
from .catalogue import catalogue
from .limits import Limits
from .prices import Rates, rates
from .spec import ModelSpec
from .tiers import Figures, Tier, limits_for

__all__ = ["Listed", "known_models", "order_for", "prices_source"]


@dataclass(frozen=True)
class Listed:
    """One model as it is known here; None where nobody says."""

    spec: ModelSpec
    context: int | None
    """Tokens of a request; of a request and its answer where the user's file states them."""
    output: int | None
    can: tuple[str, ...]
    role: tuple[str, ...]
    """What it is good enough for; empty where policy's word is taken."""
    rates: Rates | None
    limits: Mapping[Tier, Limits | None]
    """By tier; None where a tier does not have the model."""
    estimate: bool
    """Whether the limits are an estimate of ours."""


def known_models(allowed: Iterable[str], figures: Figures, *also: ModelSpec) -> tuple[Listed, ...]:
    """Return the catalogue's models that policy allows, then those that the user's file and `also` name."""
    entries = tuple(allowed)
    catalogued = [ModelSpec("openai", name) for name in catalogue().models]
    named = [*figures.models, *(spec for spec in also if spec.kind != "none")]
    every = dict.fromkeys([*catalogued, *named])
    return tuple(_listed(spec, figures) for spec in every if model_is_allowed(spec, entries))


def order_for(wanted: ModelSpec, role: Role, allowed: Iterable[str], *, switch: bool) -> tuple[ModelSpec, ...]:
    """Return the models that would be asked in a role, each where the one before it has no room or does not answer."""
    if wanted.kind == "none":
        return ()
    return (wanted, *(alternatives(wanted, role, allowed) if switch else ()))


def prices_source() -> str:
    """Return in words where prices are from."""
    return f"the package genai-prices {metadata.version('genai-prices')}"


def _listed(spec: ModelSpec, figures: Figures) -> Listed:
    model, stated = facts(spec), figures.stated(spec)
    context, output = (model.input, model.output) if model is not None else (None, None)
    return Listed(
        spec,
        stated.context or context,
        stated.output or output,
        model.can if model is not None else (),
        model.role if model is not None else (),
        rates(spec),
        {tier: limits_for(spec, tier, figures) for tier in get_args(Tier)},
        figures.is_estimate(spec),
    )
