"""What an account may ask, by tier, and what the headers of answers say about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import pytest

from soc_analyst.tools.models import catalogue, parse_model_spec
from soc_analyst.tools.models.limits import Limits, Seen, read_headers
from soc_analyst.tools.models.tiers import Tier, default_figures, limits_for

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)

DURATIONS = """
6m0s      360
1s        1
12ms      0.012
1h2m3.5s  3723.5
8.64s     8.64
20        20
0s        0
99999h    86400
-5s       none
soon      none
6m oops   none
"""

RETRY = [
    ({"Retry-After": "20"}, 20.0),
    ({"retry-after": "0.5"}, 0.5),
    ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
    ({"Retry-After": "Thu, 01 Jan 2026 12:00:30 GMT"}, 30.0),
    ({"Retry-After": "Thu, 01 Jan 2026 11:00:00 GMT"}, 0.0),
    ({"Retry-After": "Thu, 01 Jan 2099 11:00:00 GMT"}, 86_400.0),
    ({"Retry-After": "tomorrow"}, None),
    ({"Retry-After": "-3"}, None),
    ({"Retry-After": "9" * 400}, None),
    ({}, None),
]


def test_every_model_of_the_catalogue_has_figures_for_every_paying_tier() -> None:
    for name in catalogue().models:
        tiers = [limits_for(parse_model_spec(f"openai:{name}"), tier) for tier in get_args(Tier) if tier != "free"]
        known = [limits for limits in tiers if limits is not None]
        assert len(known) == 5
        assert all(limits.tpm and limits.rpm for limits in known)
        assert [limits.tpm or 0 for limits in known] == sorted(limits.tpm or 0 for limits in known)
    assert "2025" in default_figures().source


@pytest.mark.parametrize(
    ("model", "tier", "limits"),
    [
        ("openai:gpt-5-mini", "1", Limits(tpm=500_000, rpm=500)),
        ("openai:gpt-5-mini-2025-08-07", "1", Limits(tpm=500_000, rpm=500)),
        ("openai:gpt-4.1-mini", "free", Limits(tpm=40_000, rpm=3, rpd=200)),
        ("openai:gpt-5", "free", None),
        ("openai:gpt-99", "1", Limits()),
        ("azure:gpt-5-mini", "1", Limits()),
        ("llama3@http://127.0.0.1:8080", "free", Limits()),
    ],
)
def test_the_limits_of(model: str, tier: Tier, limits: Limits | None) -> None:
    assert limits_for(parse_model_spec(model), tier) == limits


@pytest.mark.parametrize("line", DURATIONS.strip().splitlines())
def test_a_reset_is_read(line: str) -> None:
    text, _, expected = line.rpartition(" ")
    seen = read_headers({"X-RateLimit-Reset-Tokens": text.strip()})
    assert seen.reset_tokens == (None if expected == "none" else pytest.approx(float(expected)))


@pytest.mark.parametrize(("headers", "seconds"), RETRY)
def test_a_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert read_headers(headers, now=NOW).retry_after == seconds


def test_headers_replace_what_was_assumed() -> None:
    seen = read_headers(
        {
            "x-ratelimit-limit-tokens": "2000000",
            "x-ratelimit-remaining-tokens": "1999000",
            "x-ratelimit-reset-tokens": "30ms",
            "x-ratelimit-limit-requests": "5000",
            "x-ratelimit-remaining-requests": "4999",
            "x-ratelimit-reset-requests": "12ms",
        }
    )
    assert Limits(tpm=500_000, rpm=500).learned(seen) == Limits(tpm=2_000_000, rpm=5000)


def test_requests_of_a_day_are_not_taken_for_those_of_a_minute() -> None:
    seen = Seen(limit_requests=10_000, remaining_requests=9_999, reset_requests=8.64)
    assert Limits(tpm=200_000, rpm=500, rpd=10_000).learned(seen) == Limits(tpm=200_000, rpm=500, rpd=10_000)
    assert Limits(rpm=3).learned(seen) == Limits(rpm=3, rpd=10_000)


@pytest.mark.parametrize("value", ["", "0", "-1", "many", "1e9", "9" * 30, "٣"])
def test_a_limit_that_cannot_be_is_left_out(value: str) -> None:
    headers = {"x-ratelimit-limit-tokens": value, "x-ratelimit-limit-requests": value}
    assert Limits(tpm=7, rpm=8).learned(read_headers(headers)) == Limits(tpm=7, rpm=8)
