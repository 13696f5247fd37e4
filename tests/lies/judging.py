"""Put statements into an analyst's answers, take them through the real gates, and see what is shipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any

from soc_analyst.state.findings import Finding
from soc_analyst.tools.detections import fired_again, load_rules
from soc_analyst.tools.privacy import Pseudonyms
from soc_analyst.tools.proof.claims import Again
from soc_analyst.tools.proof.findings import prove, rules_named
from soc_analyst.tools.reasoning.base import Analysis, CaseFile
from soc_analyst.tools.reasoning.by_model.analysis_answer import AnalysisAnswer
from soc_analyst.tools.reasoning.by_model.drafting import read
from soc_analyst.tools.reasoning.by_model.floor import lifted
from soc_analyst.tools.reasoning.by_model.referee import Referee

from .scenes import CATALOG, Scene
from .telling import TECHNIQUES, Statement

__all__ = ["Score", "answers", "asked_of", "judged", "scored"]

IN_ONE_ANSWER = 5
ORDER = ("Low", "Medium", "High")


@dataclass
class Score:
    """What became of the statements."""

    lies: Counter[str] = field(default_factory=Counter)
    truths: Counter[str] = field(default_factory=Counter)
    shipped: list[Statement] = field(default_factory=list)
    """Lies that came through."""
    lost: list[Statement] = field(default_factory=list)
    """True statements that did not."""

    def add(self, statement: Statement, *, stands: bool) -> None:
        """Count a statement, and keep it where it was taken for what it is not."""
        (self.lies if statement.lie else self.truths)[statement.lie or statement.writing] += 1
        if statement.lie and stands:
            self.shipped.append(statement)
        if not statement.lie and not stands:
            self.lost.append(statement)

    def lines(self) -> Iterator[str]:
        """Yield the figures."""
        yield f"{len(self.shipped)} lies shipped of {self.lies.total()}"
        yield f"{len(self.lost)} true statements lost of {self.truths.total()}"
        for kind, count in sorted(self.lies.items()):
            yield f"  {kind}: {sum(one.lie == kind for one in self.shipped)} of {count} shipped"
        for writing, count in sorted(self.truths.items()):
            yield f"  true, as {writing}: {sum(one.writing == writing for one in self.lost)} of {count} lost"


def answers(statements: Sequence[Statement]) -> Iterator[tuple[tuple[Statement, ...], dict[str, Any]]]:
    """Yield the statements in answers of a few findings, one statement a finding; those over a cut table apart."""
    for cut in (False, True):
        alike = iter([one for one in statements if one.truncated is cut])
        while some := tuple(islice(alike, IN_ONE_ANSWER)):
            yield some, {"findings": [_finding(one, at) for at, one in enumerate(some)], "hypotheses": []}


def _finding(one: Statement, at: int) -> dict[str, Any]:
    indicator = [{"handle": None, "column": None, "value": one.text}] if one.writing == "indicator" else []
    return {
        "title": one.text if one.writing == "title" else "",
        "description": one.text if one.writing == "prose" else "",
        "technique_id": one.technique or TECHNIQUES[at],
        "confidence": "Low" if one.benign else "High",
        "recommendations": ["ignore" if one.benign else "create incident"],
        "tags": [],
        "notes": one.text if one.writing == "prose" else "",
        "indicators": indicator,
        "evidence": list(one.handles),
        "claims": [*one.claims, *([one.own] if one.own else [])],
    }


def asked_of(scene: Scene, *, truncated: bool) -> CaseFile:
    """Return the case, of which half the rows were not seen where that is wanted."""
    if not truncated:
        return scene.case
    cut = tuple(
        entry.model_copy(update={"rows_in_window": 2 * (entry.rows_in_window or 1)}) for entry in scene.case.coverage
    )
    return replace(scene.case, coverage=cut)


def scored(scene: Scene, statements: Iterable[Statement], score: Score) -> None:
    """Judge all statements of a scene by the analyst's answer objects."""
    named = rules_named(scene.floor.findings)
    again = fired_again(named, scene.case.evidence, rules=load_rules(), tables=scene.case.tables)
    for some, said in answers(list(statements)):
        case = asked_of(scene, truncated=some[0].truncated)
        referee = Referee(case, CATALOG, Pseudonyms.off())
        analysis = lifted(scene.floor, read(AnalysisAnswer.model_validate(said), scene.brief, referee), referee)
        judged(scene, some, analysis, case, again, score)


def judged(
    scene: Scene,
    some: Sequence[Statement],
    analysis: Analysis,
    case: CaseFile,
    again: Again,
    score: Score,
) -> None:
    """Prove an analysis as the reviewer does, and see which statements are in what is left of it."""
    proved = prove(analysis.findings, case.evidence, case.coverage, again).findings
    shipped = Shipped(proved, scene)
    assert not shipped.fallen(), f"findings of rules fell: {shipped.fallen()}"
    for one in some:
        score.add(one, stands=shipped.holds(one))


@dataclass(frozen=True)
class Shipped:
    """What is left after the gates."""

    findings: tuple[Finding, ...]
    scene: Scene

    def fallen(self) -> list[str]:
        """Return the titles of the rules' findings that are gone, lower than they were put, or told otherwise."""
        by_id = {one.id: one for one in self.findings}
        return [base.title for base in self.scene.floor.findings if not _upheld(base, by_id.get(base.id))]

    def holds(self, one: Statement) -> bool:
        """Return whether a statement is told in what is shipped."""
        if one.own is not None:
            return self._claims(one)
        if one.writing == "indicator":
            return any(one.text in found.indicators_of_compromise for found in self._about(one))
        if one.writing == "technique":
            return any(found.mitre.id == one.technique for found in self.findings)
        return one.text.rstrip(".") in self._text

    @cached_property
    def _text(self) -> str:
        rules = {base.id: base for base in self.scene.floor.findings}
        told = []
        for found in self.findings:
            text = "\n".join([found.title, found.description, found.notes])
            base = rules.get(found.id)
            told.append(text.replace(base.description, "").replace(base.title, "") if base else text)
        return "\n".join(told)

    def _about(self, one: Statement) -> list[Finding]:
        """Return the findings to which a statement can have come: those that cite a row it cites."""
        cited = {self.scene.shown[handle][0] for handle in one.handles if handle in self.scene.shown}
        return [found for found in self.findings if cited & set(found.evidence)]

    def _claims(self, one: Statement) -> bool:
        """Return whether a claim like the one stated is among those that hold."""
        own = one.own or {}
        refs = [self.scene.shown[handle][0] for handle in own["handles"] if handle in self.scene.shown]
        if len(refs) != len(own["handles"]):
            return False
        for found in self.findings:
            for claim in found.claims:
                if claim.kind != own["kind"] or claim.rule or not claim.verified:
                    continue
                where = [(each.column, list(map(str, each.values))) for each in claim.where]
                wanted = [(each["column"], each["values"]) for each in own["where"]]
                if where != wanted or claim.rows != tuple(refs):
                    continue
                if own["count"] is not None and claim.expected != own["count"]:
                    continue
                if own["value"] is None or claim.value == own["value"]:
                    return True
        return False


def _upheld(base: Finding, now: Finding | None) -> bool:
    return (
        now is not None
        and ORDER.index(now.confidence) >= ORDER.index(base.confidence)
        and now.description.startswith(base.description)
    )
