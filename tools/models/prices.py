"""What a call costs in dollars, by the prices that the package genai-prices ships. No network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .spec import ModelSpec

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation

__all__ = ["Rates", "rates", "usd"]

_MILLION = 1_000_000
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Rates:
    """Dollars per million tokens of a short request; a long one may cost more."""

    input: float
    cached: float
    output: float


def usd(spec: ModelSpec, *, input: int, output: int, cached: int = 0, at: datetime | None = None) -> float | None:
    """Return the dollars of a call, or None where the model's price is unknown; a server of one's own costs 0.

    `input` are all tokens of the request, `cached` those of them that the provider had cached, `output` those of the
    answer, reasoning among them. `at` is the time of the call, where prices change; without it the latest price holds.
    """
    if spec.kind in ("none", "server"):
        return 0.0
    calculation = _calculate(spec, input=input, output=output, cached=min(cached, input), at=at)
    return None if calculation is None else float(calculation.total_price)


def rates(spec: ModelSpec) -> Rates | None:
    """Return the prices per million tokens, or None where they are unknown."""
    prices = (usd(spec, input=1, output=0), usd(spec, input=1, output=0, cached=1), usd(spec, input=0, output=1))
    if any(price is None for price in prices):
        return None
    of_input, of_cached, of_output = (round((price or 0.0) * _MILLION, 6) for price in prices)
    return Rates(of_input, of_cached, of_output)


def _calculate(
    spec: ModelSpec,
    *,
    input: int,
    output: int,
    cached: int,
    at: datetime | None,
) -> PriceCalculation | None:
    """Ask the price list of the provider, and OpenAI's for a model on Azure that Azure's list lacks."""
    from genai_prices import Usage, calc_price  # 0.25 s to import, and of no use without a model

    usage = Usage(input_tokens=input, output_tokens=output, cache_read_tokens=cached)
    providers = ("azure", "openai") if spec.kind == "azure" else ("openai",)
    for provider in providers:
        try:
            return calc_price(usage, spec.name, provider_id=provider, genai_request_timestamp=at or _LATEST)
        except (LookupError, ValueError):
            continue
    return None
