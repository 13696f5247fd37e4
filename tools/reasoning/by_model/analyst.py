"""The analyst that is a language model: it reads a brief, code proves what it says, and the rules' findings stay."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from soc_analyst.state.report import ModelCall
from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.models.base import Answer, Asker, Request
from soc_analyst.tools.models.tokens import count as tokens_of
from soc_analyst.tools.privacy import Pseudonyms, data_block
from soc_analyst.tools.reasoning.base import Analysis, CaseFile

from .analysis_answer import AnalysisAnswer, StoryAnswer, analysis_form, short_analysis_form
from .brief import Brief, parts
from .drafting import Reading, read
from .floor import lifted
from .merging import joined, listed, numbered, told
from .prompts import load_prompt
from .referee import Referee
from .showing import LEAST_BUDGET, budget_for, columns_shown, question_of, window_of

__all__ = ["ModelAnalyst"]

MOST_PARTS = 3
"""Parts of the evidence that are read where one does not hold all that fired."""
SHORTENED = "The model read the evidence by the short prompt and form: the whole ones fit no model that may be asked."
BY_RULES = "The reading of the evidence was done by rules: no request that fits a model gave one."
MAX_OUTPUT_TOKENS, SHORT_OUTPUT = 4_000, 1_000
TRIES = 3
"""How often a request that fits no model is made half as large."""


@dataclass(frozen=True)
class _Read:
    """What came of reading: briefs with answers, and what is to be told of it."""

    pairs: tuple[tuple[Brief, AnalysisAnswer], ...] = ()
    calls: tuple[ModelCall, ...] = ()
    said: tuple[str, ...] = ()


class ModelAnalyst:
    """Read the evidence of a case with a model. `count` counts tokens as the model's encoding does."""

    def __init__(
        self,
        asker: Asker,
        pseudonyms: Pseudonyms,
        catalog: AttackCatalog,
        *,
        count: Callable[[str], int] | None = None,
        most_parts: int = MOST_PARTS,
    ) -> None:
        self.asker = asker
        self.pseudonyms = pseudonyms
        self._catalog = catalog
        self._count = count or (lambda text: tokens_of(text, "").tokens)
        self._most_parts = most_parts

    async def analyse(self, case: CaseFile, floor: Analysis, *, signals: Sequence[str] = ()) -> Analysis:
        """Return the rules' analysis with what a model adds to it and code proves.

        `signals` are lines that code made for the model to know. Where no model answers, the floor is returned with the
        reason among its warnings.
        """
        if not any(len(rows) for rows in case.evidence.values()):
            return floor
        referee = await asyncio.to_thread(self._referee, case)
        seen = await self._read(case, signals)
        readings = [await asyncio.to_thread(read, answer, brief, referee) for brief, answer in seen.pairs]
        reading, calls, said = await self._joined(case, readings, referee)
        made = await asyncio.to_thread(lifted, floor, reading, referee)
        warnings = (*made.warnings, *seen.said, *said, *referee.left_out())
        return replace(made, warnings=tuple(dict.fromkeys(warnings)), calls=(*made.calls, *seen.calls, *calls))

    def _referee(self, case: CaseFile) -> Referee:
        self.pseudonyms.learn(case.evidence, case.reading.entities)
        return Referee(case, self._catalog, self.pseudonyms)

    async def _read(self, case: CaseFile, signals: Sequence[str]) -> _Read:
        """Ask about the evidence in as many parts as what fired needs; in less of it where a request fits no model."""
        answers: list[Answer[AnalysisAnswer]] = []
        for ask in (_Asking(self, case, signals), _Asking(self, case, signals, short=True)):
            briefs, tried = await ask.first()
            answers += tried
            if not answers[-1].too_large:
                break
        first = [answers[-1]]
        if first[0].value is not None:
            others = (self.asker.ask(ask.about(briefs, at)) for at in range(1, len(briefs)))
            first += await asyncio.gather(*others)
        pairs = tuple((brief, one.value) for brief, one in zip(briefs, first, strict=False) if one.value is not None)
        asked = (*answers, *first[1:])
        said = [line for one in asked for line in one.said]
        said += [SHORTENED] if pairs and ask.short else []
        said += [BY_RULES] if first[0].too_large else []
        return _Read(
            pairs, tuple(call for one in asked for call in one.calls), (*said, *_unread(first), *_unseen(case, pairs))
        )

    def briefs(self, case: CaseFile, budget: int) -> list[Brief]:
        """Return one brief, and more of them while detections are not shown yet. Blocks."""
        made: list[Brief] = []
        for brief in parts(case, budget=budget, count=self._count, pseudonyms=self.pseudonyms):
            made.append(brief)
            if len(made) == self._most_parts or not brief.untold:
                break
        return made

    async def _joined(
        self, case: CaseFile, readings: Sequence[Reading], referee: Referee
    ) -> tuple[Reading, tuple[ModelCall, ...], tuple[str, ...]]:
        """Return several readings as one: code joins what is alike, a model what is one attack."""
        reading = await asyncio.to_thread(joined, readings, referee)
        if len(readings) < 2 or len(reading.drafts) < 2:
            return reading, (), ()
        drafts = numbered(reading.drafts)
        prompt = load_prompt("reduce")
        user = prompt.user(
            question=question_of(case, self.pseudonyms),
            window=window_of(case),
            drafts=data_block("drafts", listed(drafts, referee)),
        )
        request = Request(
            node="analyzer",
            purpose="joining of the parts",
            system=prompt.system,
            user=user,
            answer=StoryAnswer,
            prompt=prompt.version,
            role="analyse",
        )
        answer = await self.asker.ask(request)
        if answer.value is None:
            return reading, answer.calls, answer.said or ("The parts of the evidence were joined by code alone.",)
        stories = await asyncio.to_thread(told, answer.value, drafts, referee)
        return replace(reading, drafts=stories), answer.calls, answer.said


@dataclass(frozen=True)
class _Asking:
    """How one case is asked about: by the whole prompt and form, or by the short ones."""

    analyst: ModelAnalyst
    case: CaseFile
    signals: Sequence[str]
    short: bool = False

    async def first(self) -> tuple[list[Brief], list[Answer[AnalysisAnswer]]]:
        """Return the briefs and what came of asking about the first; they are halved while it fits no model."""
        asker, answers = self.analyst.asker, list[Answer[AnalysisAnswer]]()
        budget = budget_for(self.case, await asker.size(self.request("", "")))
        for _ in range(TRIES):
            briefs = await asyncio.to_thread(self.analyst.briefs, self.case, budget)
            answers.append(await asker.ask(self.about(briefs, 0)))
            if not answers[-1].too_large or budget <= LEAST_BUDGET:
                break
            budget = max(LEAST_BUDGET, budget // 2)
        return briefs, answers

    def about(self, briefs: Sequence[Brief], at: int) -> Request[AnalysisAnswer]:
        """Return the request about one brief."""
        return self.request(briefs[at].text, f"part {at + 1} of {len(briefs)}" if len(briefs) > 1 else "")

    def request(self, evidence: str, part: str) -> Request[AnalysisAnswer]:
        """Return the request about some evidence."""
        prompt = load_prompt("analyse_short" if self.short else "analyse")
        pseudonyms, columns = self.analyst.pseudonyms, columns_shown(self.case)
        user = prompt.user(
            question=question_of(self.case, pseudonyms),
            window=window_of(self.case),
            part=part,
            signals="\n".join(pseudonyms.hide_text(line) for line in self.signals),
            evidence=data_block("evidence", evidence),
        )
        return Request(
            node="analyzer",
            purpose=f"reading of {part} of the evidence" if part else "reading of the evidence",
            system=prompt.system,
            user=user,
            answer=short_analysis_form(columns) if self.short else analysis_form(columns),
            prompt=prompt.version,
            role="analyse",
            max_output_tokens=SHORT_OUTPUT if self.short else MAX_OUTPUT_TOKENS,
        )


def _unread(answers: Sequence[Answer[AnalysisAnswer]]) -> tuple[str, ...]:
    """Return the parts that no model read where no reason was given."""
    silent = [at for at, one in enumerate(answers, 1) if one.value is None and not one.said]
    return tuple(f"Part {at} of the evidence was judged by rules alone: no answer came." for at in silent)


def _unseen(case: CaseFile, pairs: Sequence[tuple[Brief, AnalysisAnswer]]) -> tuple[str, ...]:
    """Return how many rows no line of what was read stands for."""
    if not pairs:
        return ()
    shown: Counter[str] = Counter()
    for group in (group for brief, _ in pairs for group in brief.groups.values()):
        shown[group.table] += group.count
    missing = {table: len(rows) - shown[table] for table, rows in case.evidence.items() if len(rows) > shown[table]}
    told = ", ".join(f"{count} of {len(case.evidence[table])} rows of {table}" for table, count in missing.items())
    return (f"Too little room to show the model {told}; detections read all of them.",) if missing else ()
