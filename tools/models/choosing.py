"""Which model answers a request, and what is done about a request over a limit. Pure: figures in, a choice out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from .limiter import Used
from .limits import Limits
from .spec import ModelSpec
from .tokens import Count

__all__ = ["Action", "Candidate", "Choice", "Remedy", "Share", "call_line", "choose"]

Remedy = Literal["switch", "split", "wait", "narrow"]
"""What can be done about a request over a limit, as the option `over_limit` names and orders it."""

Action = Literal["ask", "switch", "split", "wait", "narrow", "stop"]

Limit = Literal["context", "tpm", "rpm", "tpd", "rpd"]

_WORDS: dict[Limit, str] = {
    "context": "its context window",
    "tpm": "the tier's tokens a minute",
    "rpm": "the tier's requests a minute",
    "tpd": "the tier's tokens a day",
    "rpd": "the tier's requests a day",
}
_UNKNOWN = Limits()
_UNBOUNDED = 1_000_000
"""Tokens that are said to have room where no limit is known."""
_NOTHING = Used()


@dataclass(frozen=True)
class Candidate:
    """A model that policy allows and that is good enough for the request, with all that the choice needs of it."""

    spec: ModelSpec
    tokens: Count
    """What the request takes of this model, its frame and schema among them."""
    output: int
    """The most that the answer may take: what was asked for, or what the model can if that is less."""
    context: int | None
    """Tokens that a request may hold; None where nobody says."""
    limits: Limits | None = _UNKNOWN
    """None where the account's tier does not have the model."""
    used: Used = _NOTHING
    usd: float | None = 0.0
    """The call's dollars at most; None where the price is unknown."""
    wait: float = 0.0
    """Seconds until the limits have room for the call."""

    @property
    def total(self) -> int:
        """Return what the call counts as at the provider."""
        return self.tokens.tokens + self.output


@dataclass(frozen=True)
class Share:
    """What a call would take of one limit, with what the calls before it took."""

    limit: Limit
    taken: int
    of: int
    alone: bool
    """Whether the call passes the limit by its own size, whatever ran before it."""

    @property
    def ratio(self) -> float:
        """Return the share as a fraction; 1 is all of it."""
        return self.taken / self.of

    @property
    def over(self) -> bool:
        """Return whether the limit would be passed."""
        return self.taken > self.of


@dataclass(frozen=True)
class Choice:
    """The model to ask and what to do first; the lines that a user should read."""

    action: Action
    candidate: Candidate
    shares: tuple[Share, ...] = ()
    wait: float = 0.0
    """With `wait`: seconds until the call has room. The limiter waits; this is what is said."""
    room: int = 0
    """Tokens that the request may still gain; below 0 by so many it is too large."""
    over_usd: bool = False
    """With `stop`: it is the dollars that end the run, not a limit of the model's."""
    warnings: tuple[str, ...] = ()
    """For the report: limits near or passed, and what was done."""

    def line(self) -> str:
        """Return one line on the call that is about to be made: tokens, shares, dollars."""
        call = self.candidate
        about = "" if call.tokens.exact else "about "
        parts = [f"{call.spec}: {about}{call.tokens.tokens:,} tokens and at most {call.output:,} of answer"]
        parts += [f"{share.ratio:.0%} of {_WORDS[share.limit]}" for share in self.shares]
        parts.append("price unknown" if call.usd is None else f"at most ${call.usd:.4f}")
        return ", ".join(parts)


def call_line(candidate: Candidate) -> str:
    """Return one line on a call that is about to be made, as things stand."""
    return _settled("ask", candidate).line()


@dataclass(frozen=True)
class _Purse:
    """The dollars of a run, and from which share of a limit on a warning is given."""

    most: float
    spent: float
    warn_ratio: float

    def is_passed_by(self, candidate: Candidate) -> bool:
        return candidate.usd is not None and candidate.usd > 0 and self.spent + candidate.usd > self.most

    def warnings(self, candidate: Candidate) -> list[str]:
        if candidate.usd is None:
            return [f"The price of {candidate.spec} is unknown: its calls do not count against --max-usd."]
        total = self.spent + candidate.usd
        if not candidate.usd or total < self.warn_ratio * self.most:
            return []
        return [f"With a call of {candidate.spec} up to ${total:.4f} of the ${self.most:.2f} of --max-usd are spent."]


def choose(
    candidates: Sequence[Candidate],
    *,
    max_usd: float,
    usd_spent: float = 0.0,
    warn_ratio: float = 0.8,
    over_limit: Sequence[Remedy] = ("switch", "split", "wait", "narrow"),
    can_split: bool = True,
    can_narrow: bool = True,
    longest_wait: float = 120.0,
) -> Choice:
    """Return what to do about a request, of which the first candidate is the model that was asked for.

    The dollars come first: a call that would pass `max_usd` is not made, whatever the remedies. A wait of more than
    `longest_wait` seconds is no remedy.
    """
    wanted, purse = candidates[0], _Purse(max_usd, usd_spent, warn_ratio)
    if purse.is_passed_by(wanted):
        return _stopped_by_dollars(wanted, purse)
    if _can_answer(wanted):
        return _asked(wanted, purse)
    remedies: dict[Remedy, Callable[[], Choice | None]] = {
        "switch": lambda: _switch(wanted, candidates[1:], purse),
        "split": lambda: _smaller("split", wanted) if can_split else None,
        "wait": lambda: _wait(wanted, purse, longest_wait),
        "narrow": lambda: _smaller("narrow", wanted) if can_narrow else None,
    }
    for remedy in over_limit:
        choice = remedies[remedy]()
        if choice is not None:
            return choice
    return _settled("stop", wanted, f"{_why(wanted)}; it was not asked.")


def _can_answer(candidate: Candidate) -> bool:
    """Return whether a model can be asked as things stand, or within a second."""
    return candidate.limits is not None and candidate.wait < 1 and not _passed(candidate)


def _stopped_by_dollars(wanted: Candidate, purse: _Purse) -> Choice:
    left = max(purse.most - purse.spent, 0.0)
    said = (
        f"A call of {wanted.spec} may cost ${wanted.usd:.4f}, and ${left:.4f} are left of --max-usd; it was not made."
    )
    return replace(_settled("stop", wanted, said), over_usd=True)


def _switch(wanted: Candidate, others: Iterable[Candidate], purse: _Purse) -> Choice | None:
    for other in others:
        if _can_answer(other) and not purse.is_passed_by(other):
            return _asked(other, purse, "switch", f"{_why(wanted)}; {other.spec} was taken instead.")
    return None


def _wait(wanted: Candidate, purse: _Purse, longest: float) -> Choice | None:
    """Wait where time alone makes room: no limit is passed by the call's own size."""
    if wanted.limits is None or any(share.alone for share in _passed(wanted)) or wanted.wait > longest:
        return None
    return _asked(wanted, purse, "wait", f"{_why(wanted)}; it waited {wanted.wait:.0f} seconds.")


def _smaller(action: Literal["split", "narrow"], wanted: Candidate) -> Choice | None:
    """Ask for a smaller request where its size is what passes a limit, and a smaller one could fit."""
    if (
        wanted.limits is None
        or not any(share.alone for share in _passed(wanted))
        or _room(wanted) < -wanted.tokens.tokens
    ):
        return None
    done = "the evidence was split" if action == "split" else "less evidence was shown"
    return _settled(action, wanted, f"{_why(wanted)}; {done}.")


def _asked(candidate: Candidate, purse: _Purse, action: Action = "ask", *said: str) -> Choice:
    near = [share for share in _shares(candidate) if purse.warn_ratio <= share.ratio and not share.over]
    lines = [f"A call takes {share.ratio:.0%} of {_WORDS[share.limit]} with {candidate.spec}." for share in near]
    return _settled(action, candidate, *said, *lines, *purse.warnings(candidate))


def _settled(action: Action, candidate: Candidate, *said: str) -> Choice:
    wait = candidate.wait if action == "wait" else 0.0
    return Choice(action, candidate, _shares(candidate), wait=wait, room=_room(candidate), warnings=said)


def _passed(candidate: Candidate) -> list[Share]:
    return [share for share in _shares(candidate) if share.over]


def _shares(candidate: Candidate) -> tuple[Share, ...]:
    """Return what the call would take of each limit that is known."""
    limits, used, total = candidate.limits or _UNKNOWN, candidate.used, candidate.total
    rows: tuple[tuple[Limit, int, int, int | None], ...] = (
        ("context", 0, candidate.tokens.tokens, candidate.context),
        ("tpm", used.minute_tokens, total, limits.tpm),
        ("rpm", used.minute_requests, 1, limits.rpm),
        ("tpd", used.day_tokens, total, limits.tpd),
        ("rpd", used.day_requests, 1, limits.rpd),
    )
    return tuple(Share(limit, before + own, of, own > of) for limit, before, own, of in rows if of is not None)


def _room(candidate: Candidate) -> int:
    """Return the tokens that the request may still gain before its own size passes a limit."""
    limits = candidate.limits or _UNKNOWN
    rooms = [candidate.context - candidate.tokens.tokens] if candidate.context is not None else []
    rooms += [most - candidate.total for most in (limits.tpm, limits.tpd) if most is not None]
    return min(rooms, default=_UNBOUNDED)


def _why(candidate: Candidate) -> str:
    if candidate.limits is None:
        return f"The account's tier does not have {candidate.spec}"
    passed = _passed(candidate)
    if not passed:
        return f"{candidate.spec} takes no call for {candidate.wait:.0f} seconds"
    worst = max(passed, key=lambda share: share.ratio)
    share = f"{worst.ratio:.0%} of {_WORDS[worst.limit]}"
    return f"A call of {candidate.total:,} tokens would take {share} with {candidate.spec}"
