"""Which models may answer a request, best first, and how each stands: its window, limits and price."""

from __future__ import annotations

from collections.abc import Iterable

from soc_analyst.state.errors import OperatorError

from .allowing import model_is_allowed
from .base import Role
from .catalogue import Model, catalogue
from .choosing import Candidate
from .limiter import Limiter, limiter_for
from .limits import Limits
from .prices import rates, usd
from .spec import ModelSpec, parse_model_spec
from .tiers import Figures, Tier, default_figures, limits_for
from .tokens import Count

__all__ = ["alternatives", "candidate_for", "facts", "room_of"]

ANSWER_SHARE = 4
"""Of a window that request and answer share, the answer gets one part of so many."""
LEAST_ANSWER = 256


def facts(spec: ModelSpec) -> Model | None:
    """Return what the catalogue knows of a model of OpenAI's or on Azure; None where it knows nothing."""
    known = catalogue().known(spec.name) if spec.kind in ("openai", "azure") else None
    return None if known is None else catalogue().models[known]


def candidate_for(
    spec: ModelSpec,
    tokens: Count,
    max_output: int,
    *,
    tier: Tier,
    limiter: Limiter | None = None,
    figures: Figures | None = None,
    told: int | None = None,
) -> Candidate:
    """Return how a model stands now to a request of so many tokens that asks for at most so much of an answer.

    `told` are the tokens of request and answer that the model itself said it takes.
    """
    model, limiter = facts(spec), limiter or limiter_for(spec, tier, figures)
    both, output = room_of(spec, max_output, figures, told)
    lacking = limits_for(spec, tier, figures) is None and limiter.limits == Limits()
    contexts = [max(1, both - output)] if both is not None else []
    contexts += [model.input] if model is not None else []
    return Candidate(
        spec,
        tokens,
        output,
        context=min(contexts, default=None),
        limits=None if lacking else limiter.limits,
        used=limiter.used(),
        usd=usd(spec, input=tokens.tokens, output=output),
        wait=limiter.wait_for(tokens.tokens + output),
    )


def room_of(
    spec: ModelSpec, wanted: int, figures: Figures | None = None, told: int | None = None
) -> tuple[int | None, int]:
    """Return the tokens that request and answer share, None where nobody says, and how many the answer may take."""
    model, stated = facts(spec), (figures or default_figures()).stated(spec)
    both = min((one for one in (told, stated.context) if one is not None), default=None)
    most = [wanted, *([model.output] if model else []), *([stated.output] if stated.output else [])]
    return both, min([*most, max(LEAST_ANSWER, both // ANSWER_SHARE)] if both is not None else most)


def alternatives(wanted: ModelSpec, role: Role, allowed: Iterable[str]) -> tuple[ModelSpec, ...]:
    """Return the models that policy allows, that are good enough for the role, and that answer with the same key.

    Those that cost no more than the wanted one come first, the most able of them in front; then the dearer ones, the
    cheapest in front. A deployment on Azure or a model on a server is known to exist only where policy names it.
    """
    entries = tuple(allowed)
    others = [spec for spec in _reachable(wanted, entries) if spec != wanted and _is_good_for(spec, role)]
    dear = {spec: _dearness(spec) for spec in (wanted, *others)}
    cheaper = [spec for spec in others if dear[spec] <= dear[wanted]]
    dearer = sorted((spec for spec in others if dear[spec] > dear[wanted]), key=lambda spec: dear[spec])
    return (*cheaper, *dearer)


def _reachable(wanted: ModelSpec, entries: tuple[str, ...]) -> list[ModelSpec]:
    catalogued = [ModelSpec("openai", name) for name in catalogue().models]
    known = [spec for spec in catalogued if model_is_allowed(spec, entries)]
    named = [spec for entry in entries if (spec := _named(entry)) is not None]
    place = (wanted.kind, wanted.base_url)
    return [spec for spec in dict.fromkeys([*known, *named]) if (spec.kind, spec.base_url) == place]


def _named(entry: str) -> ModelSpec | None:
    """Return the one model that an entry of a policy names, None for a pattern or a class of models."""
    if entry in ("catalogue", "loopback") or any(one in entry for one in "*?["):
        return None
    try:
        return parse_model_spec(entry)
    except OperatorError:
        return None


def _is_good_for(spec: ModelSpec, role: Role) -> bool:
    """Return whether the catalogue gives a model a role; of what it does not know, policy's word is taken."""
    model = facts(spec)
    return model is None or role in model.role


def _dearness(spec: ModelSpec) -> float:
    """Return what a request of ten input tokens for one of output would cost, as analyses are; unknown is dearest."""
    price = rates(spec)
    return float("inf") if price is None else 10 * price.input + price.output
