"""`models`: which language models may be asked, what they take and cost, and which one would be."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from soc_analyst.graph.context import Context
from soc_analyst.state.errors import OperatorError

from .options import with_context, with_default_model

if TYPE_CHECKING:
    from soc_analyst.tools.models import ModelSpec
    from soc_analyst.tools.models.limits import Limits
    from soc_analyst.tools.models.listing import Listed
    from soc_analyst.tools.models.tiers import Figures

__all__ = ["EXAMPLES", "models"]

EXAMPLES = """\b
Examples:
  soc-analyst models --tier 3
  soc-analyst models gpt-4.1                       one model, with all its tiers
  soc-analyst models --limits own.yaml --json      with your account's own figures
"""
LIMITS = ("tpm", "rpm", "tpd", "rpd")
ROLES = {"plan": "plans", "analyse": "reads evidence"}
FOR = {"plan": "plan", "analyse": "read"}
ABLE = {"structured": "S answers by schema", "tools": "T calls tools", "reasoning": "R reasons", "images": "I images"}


class _Chosen(NamedTuple):
    spec: ModelSpec
    why: str
    order: dict[str, tuple[ModelSpec, ...]]
    """By role."""


@with_context("policy", "tier", "over_limit", "limits")
def models(
    context: Context,
    name: Annotated[str | None, typer.Argument(metavar="[MODEL]", help="One model, with all its tiers.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="SPEC", help="The model that would be named to `hunt`.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Show the models that policy allows: context, capabilities, prices, limits, and which would be asked."""
    from soc_analyst.graph.desk.desk import policy_for
    from soc_analyst.tools.models.limits_file import read_figures
    from soc_analyst.tools.models.listing import known_models

    allowed, figures = policy_for(context).models, read_figures(context.limits)
    chosen = _chosen(context, model, allowed)
    listed = known_models(allowed, figures, chosen.spec)
    others = [entry for entry in allowed if entry != "catalogue"]
    if name is not None:
        listed = _one(name, listed)
    if as_json:
        told = {"tier": context.tier, "limits_from": figures.source, "other_entries": others}
        sys.stdout.write(json.dumps({**told, **_as_json(chosen, listed)}) + "\n")
    elif name is not None:
        _show_one(listed[0], figures)
    else:
        _show_all(listed, chosen, context, figures, others)
    return 0


def _chosen(context: Context, given: str | None, allowed: tuple[str, ...]) -> _Chosen:
    """Return the model that `hunt` would ask, in the same order of option, environment and default."""
    from soc_analyst.settings import Settings
    from soc_analyst.tools.models import parse_model_spec, require_allowed
    from soc_analyst.tools.models.listing import order_for

    named = Settings.from_environment().model
    if given is not None or named is not None:
        spec, why = (
            parse_model_spec(given or named or ""),
            "--model names it" if given else "SOC_ANALYST_MODEL names it",
        )
    else:
        spec = parse_model_spec(with_default_model(context).model)
        why = "the catalogue's default, since OPENAI_API_KEY is set"
        if spec.kind == "none":
            why = "no model is named, and OPENAI_API_KEY is not set or policy does not allow the default"
    require_allowed(spec, allowed)
    switch = "switch" in context.over_limit
    return _Chosen(
        spec,
        why,
        {
            "plan": order_for(spec, "plan", allowed, switch=switch),
            "analyse": order_for(spec, "analyse", allowed, switch=switch),
        },
    )


def _one(name: str, listed: tuple[Listed, ...]) -> tuple[Listed, ...]:
    found = tuple(one for one in listed if name in (str(one.spec), one.spec.name))[:1]
    if not found:
        known = ", ".join(str(one.spec) for one in listed)
        raise OperatorError(f"policy allows no such model; allowed: {known}", where=f"model {name[:80]}")
    return found


def _as_json(chosen: _Chosen, listed: tuple[Listed, ...]) -> dict[str, Any]:
    from dataclasses import asdict

    from soc_analyst.tools.models.listing import prices_source

    order = {role: [str(spec) for spec in specs] for role, specs in chosen.order.items()}
    return {
        "prices_from": prices_source(),
        "chosen": {"model": str(chosen.spec), "why": chosen.why, "order": order},
        "models": [
            {
                "model": str(one.spec),
                "context": one.context,
                "output": one.output,
                "can": list(one.can),
                "role": list(one.role),
                "usd_per_million": asdict(one.rates) if one.rates else None,
                "limits": {tier: asdict(limits) if limits else None for tier, limits in one.limits.items()},
                "limits_are_an_estimate": one.estimate,
            }
            for one in listed
        ],
    }


def _show_all(
    listed: tuple[Listed, ...], chosen: _Chosen, context: Context, figures: Figures, others: list[str]
) -> None:
    from rich.console import Console
    from rich.table import Table

    from soc_analyst.tools.models.listing import prices_source

    table = Table(box=None, padding=(0, 1))
    table.add_column("Model", overflow="fold", style="bold")
    for heading in ("Context", "Output", "$ in", "cached", "out", "TPM", "RPM"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("Can", "For"):
        table.add_column(heading, overflow="fold")
    for one in listed:
        table.add_row(*_cells(one, context))
    console = Console(highlight=False)
    console.print(table)
    console.print(f"\n[bold]Asked: {chosen.spec}[/] ({chosen.why})", soft_wrap=True)
    for line in _order(chosen):
        console.print(line, soft_wrap=True, markup=False)
    notes = ["A name without more is openai:NAME; a deployment on Azure of the same name is azure:NAME."]
    notes.append(f"Can: {', '.join(ABLE.values())}. For: plan queries, read evidence.")
    notes.append(f"Dollars per million tokens: {prices_source()}.")
    notes.append(f"Limits of tier {context.tier}: {figures.source}; `no` where the tier does not have the model.")
    notes += ["~ an estimate: no figures were found for the model."] if any(one.estimate for one in listed) else []
    notes += [f"Policy also allows: {', '.join(others)}."] if others else []
    notes.append("`soc-analyst models MODEL` shows all tiers of one; --limits FILE puts your own figures in.")
    console.print("\n" + "\n".join(notes), soft_wrap=True, markup=False)


def _order(chosen: _Chosen) -> Iterator[str]:
    for role, specs in chosen.order.items():
        then = ", then ".join(str(spec) for spec in specs[1:4])
        more = f" and {len(specs) - 4} more" if len(specs) > 4 else ""
        if then:
            yield f"Where it has no room or does not answer, what {ROLES[role]}: {then}{more}"


def _cells(one: Listed, context: Context) -> list[str]:
    limits, rates = one.limits[context.tier], one.rates
    prices = [f"{price:g}" for price in (rates.input, rates.cached, rates.output)] if rates else ["?"] * 3
    mark = "~" if one.estimate else ""
    held = [mark + _short(getattr(limits, name)) for name in ("tpm", "rpm")] if limits else ["no", "no"]
    name = one.spec.name if one.spec.kind == "openai" else str(one.spec)
    return [name, _short(one.context), _short(one.output), *prices, *held, *_abilities(one)]


def _abilities(one: Listed) -> list[str]:
    """Return what a model can and is good for, in few characters."""
    return ["".join(ABLE[able][0] for able in one.can), ", ".join(FOR[role] for role in one.role)]


def _show_one(one: Listed, figures: Figures) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    console.print(f"[bold]{one.spec}[/]: {_short(one.context)} tokens of context, {_short(one.output)} of an answer")
    console.print(
        f"can: {', '.join(one.can) or 'not known'}; for: {', '.join(one.role) or 'what policy allows it for'}"
    )
    if one.rates is not None:
        told = f"{one.rates.input:g} input, {one.rates.cached:g} cached, {one.rates.output:g} output"
        console.print(f"dollars per million tokens: {told}")
    table = Table(box=None, padding=(0, 1))
    table.add_column("Tier", style="bold")
    for name in LIMITS:
        table.add_column(name.upper(), justify="right")
    for tier, limits in one.limits.items():
        table.add_row(tier, *_figures(limits))
    console.print(table)
    console.print(f"{'An estimate. ' if one.estimate else ''}Limits: {figures.source}.", soft_wrap=True)


def _figures(limits: Limits | None) -> list[str]:
    return ["not in this tier"] if limits is None else [_short(getattr(limits, name)) for name in LIMITS]


def _short(tokens: int | None) -> str:
    """Return a figure in few characters; - where there is none."""
    if tokens is None:
        return "-"
    if tokens >= 1_000_000:
        return f"{tokens / 1_000_000:.3g}M"
    return f"{tokens / 1_000:.3g}k" if tokens >= 10_000 else f"{tokens:,}"
