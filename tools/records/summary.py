"""The summary of a report: composed by code, and held against its claims as any other text is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from soc_analyst.state.entities import TimeWindow
from soc_analyst.state.findings import Claim, Finding, Outcome
from soc_analyst.tools.proof.claims import check
from soc_analyst.tools.proof.grounds import Grounds
from soc_analyst.tools.proof.wording import borne_out
from soc_analyst.tools.reasoning.base import CaseFile
from soc_analyst.tools.reasoning.by_rules.answering import answer, answer_claims

__all__ = ["Summary", "summed_up"]

VERDICTS: Mapping[Outcome, str] = {
    "confirmed": "Confirmed",
    "suspected": "Suspected",
    "benign": "Explained",
    "not_found": "Nothing found",
    "could_not_look": "Could not look",
}
NAMED = 5


@dataclass(frozen=True)
class Summary:
    """A text, and the claims that bear out what it says of rows."""

    text: str
    claims: tuple[Claim, ...]


def summed_up(
    outcome: Outcome,
    findings: Sequence[Finding],
    reasons: Iterable[str],
    file: CaseFile,
    *,
    answered: str | None = None,
) -> Summary:
    """Return the verdict, the answer in numbers that hold, what was found and why; `file` has the rows asked for.

    A question about everything is answered by findings alone; one after reasons is `answered` already.
    """
    claims: tuple[Claim, ...] = ()
    if answered is None and not file.reading.broad:
        claims, answered = _answered(file)
    parts = [
        f"{VERDICTS[outcome]}.",
        answered or "",
        _found(findings),
        *reasons,
        _window(file.reading.window),
        _proof([*claims, *(claim for finding in findings for claim in finding.claims)]),
    ]
    return Summary(" ".join(part for part in parts if part), claims)


def _answered(file: CaseFile) -> tuple[tuple[Claim, ...], str]:
    """Return the answer as far as its claims bear it out, and those that hold."""
    coverage = {entry.table: entry for entry in file.coverage}
    checked = [check(claim, file.evidence, coverage) for claim in answer_claims(file)]
    held = tuple(claim for claim in checked if claim.verified)
    return held, borne_out(answer(file), Grounds(claims=held, said=tuple(claim.statement for claim in held))).text


def _found(findings: Sequence[Finding]) -> str:
    serious = [finding for finding in findings if finding.confidence != "Low"]
    low = len(findings) - len(serious)
    told = "; ".join(f"{finding.title} ({finding.confidence})" for finding in serious[:NAMED])
    more = f"; and {len(serious) - NAMED} more" if len(serious) > NAMED else ""
    observed = f" {low} low-confidence observation{'s' if low > 1 else ''}." if low else ""
    return f"{told}{more}.{observed}" if told else observed.strip()


def _window(window: TimeWindow) -> str:
    return f"Window {window.start:%Y-%m-%d %H:%M:%S} to {window.end:%Y-%m-%d %H:%M:%S} UTC ({window.basis})."


def _proof(claims: Sequence[Claim]) -> str:
    return f"{len(claims)} claims, {sum(claim.verified for claim in claims)} verified." if claims else ""
