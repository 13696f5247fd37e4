"""The summary of a report: composed by code, and held against its claims as any other text is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.findings import Claim, Outcome
from soc_analyst.tools.proof.claims import check
from soc_analyst.tools.proof.grounds import Grounds
from soc_analyst.tools.proof.wording import borne_out
from soc_analyst.tools.reasoning.base import CaseFile
from soc_analyst.tools.reasoning.by_rules.answering import answer, answer_claims

from .found import Found

__all__ = ["VERDICTS", "Summary", "summed_up"]

VERDICTS: Mapping[Outcome, str] = {
    "confirmed": "Confirmed",
    "suspected": "Suspected",
    "benign": "Explained",
    "not_found": "Nothing found",
    "could_not_look": "Could not look",
}


@dataclass(frozen=True)
class Summary:
    """A text, and the claims that bear out what it says of rows."""

    text: str
    claims: tuple[Claim, ...]


def summed_up(
    outcome: Outcome,
    found: Found,
    reasons: Iterable[str],
    file: CaseFile,
    *,
    answered: str | None = None,
) -> Summary:
    """Return the verdict, the answer in numbers that hold, what was found and why; `file` has the rows asked for.

    A question about everything is answered by findings alone; one after reasons is `answered` already. One after a
    technique is answered by what was found of it, and numbers stand behind that.
    """
    claims: tuple[Claim, ...] = ()
    if answered is None and not file.reading.broad:
        claims, answered = _answered(file)
    text = (found.text, answered or "")
    parts = [
        f"{VERDICTS[outcome]}.",
        *(text if file.reading.themes and found.findings else text[::-1]),
        *reasons,
        _window(file.reading.window),
        _proof([*claims, *(claim for finding in found.findings for claim in finding.claims)]),
    ]
    return Summary(" ".join(part for part in parts if part), claims)


def _answered(file: CaseFile) -> tuple[tuple[Claim, ...], str]:
    """Return the answer as far as its claims bear it out, and those that hold."""
    coverage = {entry.table: entry for entry in file.coverage}
    checked = [check(claim, file.evidence, coverage) for claim in answer_claims(file)]
    held = tuple(claim for claim in checked if claim.verified)
    return held, borne_out(answer(file), Grounds(claims=held, said=tuple(claim.statement for claim in held))).text


def _window(window: TimeWindow) -> str:
    return f"Window {window.start:%Y-%m-%d %H:%M:%S} to {window.end:%Y-%m-%d %H:%M:%S} UTC ({window.basis})."


def _proof(claims: Sequence[Claim]) -> str:
    return f"{len(claims)} claims, {sum(claim.verified for claim in claims)} verified." if claims else ""
