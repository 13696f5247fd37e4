"""The critic: a model tries to refute what a model found; code decides whether what it says against it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from soc_analyst.state.findings import Claim, Confidence, Finding, Hypothesis
from soc_analyst.state.report import ModelCall
from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.models.base import Answer, Asker, Request
from soc_analyst.tools.models.tokens import count as tokens_of
from soc_analyst.tools.privacy import Pseudonyms, data_block, fenced
from soc_analyst.tools.proof.claims import meets
from soc_analyst.tools.reasoning.base import CaseFile

from .brief import Brief, build_brief
from .claiming import verified
from .critic_answer import CriticAnswer, RefutationForm, critic_form, short_critic_form
from .floor import BY_MODEL
from .prompts import load_prompt
from .referee import Referee
from .showing import budget_for, columns_shown, question_of, window_of

__all__ = ["ModelCritic", "Reviewed", "on_a_word"]

LOWER: Mapping[Confidence, Confidence | None] = {"High": "Medium", "Medium": "Low", "Low": None}
ENOUGH = 2
"""Claims that must hold against a finding to drop it at once."""
REASON = 400
LONGEST_CELL, SHORT_CELL = 600, 160
"""Characters of a finding's title, description and claims each."""
SHORT_FINDINGS = 3
MAX_OUTPUT_TOKENS, SHORT_OUTPUT = 4_000, 700


@dataclass(frozen=True)
class Reviewed:
    """The findings that stand after review, and what was made of the others."""

    findings: tuple[Finding, ...]
    hypotheses: tuple[Hypothesis, ...] = ()
    calls: tuple[ModelCall, ...] = ()
    said: tuple[str, ...] = ()


class ModelCritic:
    """Try to refute findings that stand on a model's word; what a rule found is not asked about."""

    def __init__(
        self,
        asker: Asker,
        pseudonyms: Pseudonyms,
        catalog: AttackCatalog,
        *,
        count: Callable[[str], int] | None = None,
    ) -> None:
        self._asker = asker
        self._pseudonyms = pseudonyms
        self._catalog = catalog
        self._count = count or (lambda text: tokens_of(text, "").tokens)

    async def refute(self, findings: Sequence[Finding], case: CaseFile) -> Reviewed:
        """Return the findings, those refuted lowered or left out, each with the reason told."""
        by_handle = {f"F{i}": one for i, one in enumerate((f for f in findings if on_a_word(f)), 1)}
        if not by_handle:
            return Reviewed(tuple(findings))
        referee = await asyncio.to_thread(self._referee, case)
        brief, answer = await self._answered(by_handle, case, referee)
        if answer.value is None:
            alone = "The findings of the model were reviewed by code alone: no answer came."
            said = (*answer.said, alone) if answer.too_large or not answer.said else answer.said
            return Reviewed(tuple(findings), calls=answer.calls, said=said)
        judged = await asyncio.to_thread(_judged, answer.value, by_handle, brief, referee)
        kept = tuple(one for each in findings if (one := judged.changed.get(each.id, each)) is not None)
        return Reviewed(kept, judged.hypotheses, answer.calls, (*answer.said, *judged.said, *referee.left_out()))

    def _referee(self, case: CaseFile) -> Referee:
        self._pseudonyms.learn(case.evidence, case.reading.entities)
        return Referee(case, self._catalog, self._pseudonyms)

    async def _answered(
        self, findings: Mapping[str, Finding], case: CaseFile, referee: Referee
    ) -> tuple[Brief, Answer[CriticAnswer]]:
        """Return what was shown and what came of it; a model too small is asked about fewer findings in few words."""
        brief, request = await self._prepared(findings, case, referee)
        answer = await self._asker.ask(request)
        if not answer.too_large:
            return brief, answer
        few = dict(list(findings.items())[:SHORT_FINDINGS])
        brief, request = await self._prepared(few, case, referee, short=True)
        again = await self._asker.ask(request)
        left = len(findings) - len(few)
        more = f"; {left} of the model's findings were not reviewed" if left else ""
        told = f"The review was asked for by the short prompt and form: the whole ones fit no model{more}."
        said = (*answer.said, *again.said, *([told] if again.value is not None else []))
        return brief, replace(again, calls=(*answer.calls, *again.calls), said=said)

    async def _prepared(
        self, findings: Mapping[str, Finding], case: CaseFile, referee: Referee, *, short: bool = False
    ) -> tuple[Brief, Request[CriticAnswer]]:
        size = await self._asker.size(self._request(findings, case, referee, "", short))
        brief = await asyncio.to_thread(
            build_brief, case, budget=budget_for(case, size), count=self._count, pseudonyms=self._pseudonyms
        )
        return brief, self._request(findings, case, referee, brief.text, short)

    def _request(
        self, findings: Mapping[str, Finding], case: CaseFile, referee: Referee, evidence: str, short: bool
    ) -> Request[CriticAnswer]:
        prompt = load_prompt("critic_short" if short else "critic")
        longest = SHORT_CELL if short else LONGEST_CELL
        listed = "\n".join(_line(handle, finding, referee, longest) for handle, finding in findings.items())
        columns = columns_shown(case)
        return Request(
            node="reviewer",
            purpose="review of the model's findings",
            system=prompt.system,
            user=prompt.user(
                question=question_of(case, self._pseudonyms),
                window=window_of(case),
                findings=data_block("findings", listed),
                evidence=data_block("evidence", evidence),
            ),
            answer=short_critic_form(columns) if short else critic_form(columns),
            prompt=prompt.version,
            role="analyse",
            max_output_tokens=SHORT_OUTPUT if short else MAX_OUTPUT_TOKENS,
        )


@dataclass(frozen=True)
class _Judged:
    changed: Mapping[str, Finding | None]
    hypotheses: tuple[Hypothesis, ...]
    said: tuple[str, ...]


def on_a_word(finding: Finding) -> bool:
    """Return whether a finding stands on a model's word alone, and so is for the critic."""
    return BY_MODEL in finding.tags and not finding.detections


def _judged(answer: CriticAnswer, findings: Mapping[str, Finding], brief: Brief, referee: Referee) -> _Judged:
    changed: dict[str, Finding | None] = {}
    hypotheses: list[Hypothesis] = []
    said: list[str] = []
    for review in answer.reviews:
        finding = findings.get(review.finding.strip().upper())
        if finding is None:
            referee.dropped["unknown handles"] += 1
        if finding is None or finding.id in changed or review.verdict == "stands":
            continue
        claims = [one for one in verified(review.claims, brief, referee) if _speaks_against(one, finding, referee)]
        if not claims:
            referee.dropped["objections that nothing bears out"] += 1
            continue
        changed[finding.id] = after = _after(finding, review, claims, referee)
        said.append(_told(finding, after, claims))
        hypotheses.append(_hypothesis(finding, after, claims))
    return _Judged(changed, tuple(hypotheses), tuple(said))


def _after(finding: Finding, review: RefutationForm, claims: Sequence[Claim], referee: Referee) -> Finding | None:
    """Return the finding one step lower, or None where enough speaks against it or it cannot be lower."""
    lower = LOWER[finding.confidence]
    if lower is None or (review.verdict == "refuted" and len(claims) >= ENOUGH):
        return None
    rows = referee.rows(finding.evidence)
    reason = referee.borne_out(referee.prose(review.reason, REASON), rows, claims, (finding.title,))
    told = " ".join(claim.statement for claim in claims)
    notes = f"{finding.notes} Lowered in review: {told} {reason}".strip()
    return finding.model_copy(update={"confidence": lower, "notes": notes, "claims": (*finding.claims, *claims)})


def _speaks_against(claim: Claim, finding: Finding, referee: Referee) -> bool:
    """Return whether a claim that holds speaks against the rows that a finding rests on.

    A count must take in more rows like a cited one than the finding cites: such rows are usual. An absence is of a
    table that it cites. An order or a shared value ties a cited row to one that the finding leaves out.
    """
    if claim.kind == "count":
        own = [row for ref in finding.evidence if ref.table == claim.table for row in referee.rows([ref])]
        return any(meets(row, claim.where) for row in own) and (claim.expected or 0) > len(finding.evidence)
    if claim.kind == "absent":
        return any(ref.table == claim.table for ref in finding.evidence)
    cited = {(ref.query_id, ref.row) for ref in finding.evidence}
    named = {(ref.query_id, ref.row) for ref in claim.rows}
    return bool(named & cited) and bool(named - cited)


def _told(finding: Finding, after: Finding | None, claims: Sequence[Claim]) -> str:
    what = "was dropped" if after is None else f"was lowered to {after.confidence}"
    return f"“{finding.title}” {what} in review: {' '.join(claim.statement for claim in claims)}"


def _hypothesis(finding: Finding, after: Finding | None, claims: Sequence[Claim]) -> Hypothesis:
    refs = tuple(dict.fromkeys([*finding.evidence, *(ref for claim in claims for ref in claim.rows)]))
    return Hypothesis(statement=finding.title, status="refuted" if after is None else "open", evidence=refs)


def _line(handle: str, finding: Finding, referee: Referee, longest: int) -> str:
    rows = f"{len(finding.evidence)} rows"
    claims = " ".join(claim.statement for claim in finding.claims if claim.kind != "exists")
    cells = (
        handle,
        finding.mitre.id or "-",
        finding.confidence,
        rows,
        finding.title,
        finding.description,
        claims or "-",
    )
    return "\t".join(fenced(referee.hidden(cell), limit=longest) for cell in cells)
