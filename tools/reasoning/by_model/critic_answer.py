"""What a critic model may answer: for each finding, whether it stands, and claims that speak against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from .analysis_answer import ClaimForm, Form, Handle, claim_form, narrowed, short_claim_form, some

__all__ = ["CriticAnswer", "RefutationForm", "critic_form", "short_critic_form"]


class RefutationForm(Form):
    """What speaks against one finding: claims that code evaluates, and why they do."""

    finding: Handle
    verdict: Literal["stands", "weaker", "refuted"]
    reason: Annotated[str, Field(max_length=400)]
    claims: Annotated[list[ClaimForm], Field(max_length=4)]


class CriticAnswer(Form):
    """The review of the findings that a model made."""

    reviews: Annotated[list[RefutationForm], Field(max_length=12)]


def critic_form(columns: Mapping[str, Sequence[str]]) -> type[CriticAnswer]:
    """Return the form in which claims name these tables and columns only."""
    review = narrowed(RefutationForm, claims=some(claim_form(columns), 4))
    return narrowed(CriticAnswer, reviews=some(review, 12))


def short_critic_form(columns: Mapping[str, Sequence[str]]) -> type[CriticAnswer]:
    """Return the form for a small model: few reviews in few words."""
    reason = (Annotated[str, Field(max_length=160)], ...)
    review = narrowed(RefutationForm, reason=reason, claims=some(short_claim_form(columns), 1))
    return narrowed(CriticAnswer, reviews=some(review, 3))
