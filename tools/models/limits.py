"""What a provider lets an account ask of a model in a minute and in a day, and what its answers tell about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["Limits", "Seen", "read_headers"]


@dataclass(frozen=True)
class Limits:
    """Tokens and requests a minute and a day; None where there is no limit or none is known."""

    tpm: int | None = None
    rpm: int | None = None
    tpd: int | None = None
    rpd: int | None = None

    def learned(self, seen: Seen) -> Limits:
        """Return the limits with what a provider's answer stated in place of what was assumed."""
        learned = replace(self, tpm=seen.limit_tokens or self.tpm)
        if seen.limit_requests is None:
            return learned
        if seen.counts_requests_by_day or seen.limit_requests == self.rpd:
            return replace(learned, rpd=seen.limit_requests)
        return replace(learned, rpm=seen.limit_requests)


@dataclass(frozen=True)
class Seen:
    """What the headers of an answer tell; None where they do not. Times in seconds from the answer."""

    limit_tokens: int | None = None
    limit_requests: int | None = None
    remaining_tokens: int | None = None
    remaining_requests: int | None = None
    reset_tokens: float | None = None
    """Until the minute's tokens are all there again."""
    reset_requests: float | None = None
    retry_after: float | None = None
    """How long the provider asks to wait, on an answer that refuses."""

    @property
    def counts_requests_by_day(self) -> bool:
        """Return whether the requests are those of a day: what was taken would need hours to come back, were it all."""
        if self.limit_requests is None or self.remaining_requests is None or self.reset_requests is None:
            return False
        taken = self.limit_requests - self.remaining_requests
        return taken > 0 and self.reset_requests * self.limit_requests / taken > 3600


_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|h|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DAY = 86_400.0


def read_headers(headers: Mapping[str, str], *, now: datetime | None = None) -> Seen:
    """Return what the headers of an answer tell of limits; what cannot be read is left out.

    `now` is needed for a Retry-After that is a date.
    """
    by_name = {name.lower(): value.strip() for name, value in headers.items()}
    return Seen(
        limit_tokens=_number(by_name.get("x-ratelimit-limit-tokens"), least=1),
        limit_requests=_number(by_name.get("x-ratelimit-limit-requests"), least=1),
        remaining_tokens=_number(by_name.get("x-ratelimit-remaining-tokens")),
        remaining_requests=_number(by_name.get("x-ratelimit-remaining-requests")),
        reset_tokens=_duration(by_name.get("x-ratelimit-reset-tokens")),
        reset_requests=_duration(by_name.get("x-ratelimit-reset-requests")),
        retry_after=_retry_after(by_name, now),
    )


def _number(text: str | None, least: int = 0) -> int | None:
    if text is None or not re.fullmatch(r"[0-9]{1,15}", text) or int(text) < least:
        return None
    return int(text)


def _duration(text: str | None) -> float | None:
    """Return the seconds of `6m0s`, `12ms`, `1.5s` or `20`, at most a day."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        return min(float(text), _DAY)
    if not text or _DURATION.sub("", text):
        return None
    return min(sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text)), _DAY)


def _retry_after(by_name: Mapping[str, str], now: datetime | None) -> float | None:
    milliseconds = _duration(by_name.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    stated = by_name.get("retry-after")
    if stated is None or (seconds := _duration(stated)) is not None:
        return None if stated is None else seconds
    return None if now is None else _until(stated, now)


def _until(date: str, now: datetime) -> float | None:
    try:
        at = parsedate_to_datetime(date)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), _DAY)
