"""Dollars agree with figures worked out by hand from the price lists."""

from __future__ import annotations

import pytest

from soc_analyst.tools.models import catalogue, parse_model_spec
from soc_analyst.tools.models.prices import rates, usd

# model, input tokens, those of them that were cached, output tokens, dollars
FIGURES = """
openai:gpt-5-mini              100000       0    1000   0.027       # 100000 x 0.25 + 1000 x 2, a million each
openai:gpt-5-mini              100000   80000    1000   0.009       # 20000 x 0.25 + 80000 x 0.025 + 1000 x 2
openai:gpt-5                     9000    4096     700   0.013642    # 4904 x 1.25 + 4096 x 0.125 + 700 x 10
openai:gpt-5-nano               50000   10000    2000   0.00285     # 40000 x 0.05 + 10000 x 0.005 + 2000 x 0.4
openai:gpt-5.2                  10000    2000    1000   0.02835     # 8000 x 1.75 + 2000 x 0.175 + 1000 x 14
openai:gpt-4.1                  12000    2000     500   0.025       # 10000 x 2 + 2000 x 0.5 + 500 x 8
openai:gpt-4.1-mini            100000   50000    1000   0.0266      # 50000 x 0.4 + 50000 x 0.1 + 1000 x 1.6
openai:gpt-4o                   10000    4000    1000   0.03        # 6000 x 2.5 + 4000 x 1.25 + 1000 x 10
openai:gpt-4o-mini              10000    4000    1000   0.0018      # 6000 x 0.15 + 4000 x 0.075 + 1000 x 0.6
openai:o4-mini                  20000    8000    3000   0.0286      # 12000 x 1.1 + 8000 x 0.275 + 3000 x 4.4
openai:gpt-5.4                 100000   20000    1000   0.22        # 80000 x 2.5 + 20000 x 0.25 + 1000 x 15
openai:gpt-5.4                 300000  100000    1000   1.0725      # long: 200000 x 5 + 100000 x 0.5 + 1000 x 22.5
openai:gpt-5-mini-2025-08-07   100000       0    1000   0.027
azure:gpt-4.1                   12000    2000     500   0.025
azure:gpt-5-mini               100000   80000    1000   0.009
llama3@http://127.0.0.1:8080   100000       0   50000   0
none                                0       0       0   0
"""


@pytest.mark.parametrize("line", FIGURES.strip().splitlines())
def test_a_call_costs(line: str) -> None:
    model, given, cached, output, dollars = line.partition("#")[0].split()
    cost = usd(parse_model_spec(model), input=int(given), cached=int(cached), output=int(output))
    assert cost == pytest.approx(float(dollars), abs=1e-12)


@pytest.mark.parametrize("model", ["openai:gpt-99", "azure:soc-deployment"])
def test_an_unknown_price_is_none_and_not_nothing(model: str) -> None:
    assert usd(parse_model_spec(model), input=1000, output=1000) is None
    assert rates(parse_model_spec(model)) is None


def test_more_cached_than_asked_is_all_of_it() -> None:
    spec = parse_model_spec("openai:gpt-5-mini")
    assert usd(spec, input=1000, cached=5000, output=0) == usd(spec, input=1000, cached=1000, output=0)


def test_every_model_of_the_catalogue_has_a_price_and_cached_tokens_cost_less() -> None:
    for name in catalogue().models:
        price = rates(parse_model_spec(f"openai:{name}"))
        assert price is not None
        assert 0 < price.cached < price.input < price.output
