"""What code makes of a model's words: handles become rows, tokens names; what was made up goes and is counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from soc_analyst.state.findings import Claim, Detection, EvidenceRef
from soc_analyst.tools.attack import AttackCatalog
from soc_analyst.tools.detections.statistics.addressed import SPEAKS, kinds_of_speech
from soc_analyst.tools.privacy import Pseudonyms, fenced
from soc_analyst.tools.proof.grounds import Grounds
from soc_analyst.tools.proof.wording import Spoken, borne_out
from soc_analyst.tools.reasoning.base import CaseFile

from .brief import Brief, Group
from .subjects import names_of

__all__ = ["MOST_OF_A_GROUP", "Cited", "Referee"]

MOST_OF_A_GROUP = 12
MOST_ROWS = 40
_TECHNIQUE = re.compile(r"\bT\d{4}(?:\.\d{3})?\b", re.IGNORECASE)
_WEB = re.compile(r"\bwww\.", re.IGNORECASE)


@dataclass(frozen=True)
class Cited:
    """What handles stand for."""

    refs: tuple[EvidenceRef, ...]
    detections: tuple[Detection, ...] = ()


class Referee:
    """Hold a model's words against one case. `dropped` counts what was left out, by what it was."""

    def __init__(self, case: CaseFile, catalog: AttackCatalog, pseudonyms: Pseudonyms) -> None:
        self.case = case
        self.catalog = catalog
        self.coverage = {entry.table: entry for entry in case.coverage}
        self.dropped: Counter[str] = Counter()
        self.spoken_to = any(one.rule.id == SPEAKS.id for one in case.detections)
        """Whether log text of the case speaks to a model: then its word lifts nothing."""
        self._pseudonyms = pseudonyms
        self._names = names_of(case.evidence, case.tables)

    def cited(self, handles: Iterable[str], brief: Brief) -> Cited:
        """Return the rows and detections behind handles, at most twelve rows of a group; unknown ones are counted."""
        refs: dict[EvidenceRef, None] = {}
        detections: dict[str, Detection] = {}
        for handle in dict.fromkeys(one.strip().strip("[]").upper() for one in handles):
            rows = self._rows(handle, brief)
            if not rows:
                self.dropped["unknown handles"] += 1
            refs.update(dict.fromkeys(rows))
            if handle in brief.detections:
                detections[handle] = brief.detections[handle]
        return Cited(tuple(refs)[:MOST_ROWS], tuple(detections.values()))

    def revealed(self, text: str) -> str | None:
        """Return a text with names in the place of tokens, or None where it holds a token that stands for nothing."""
        if invented := self._pseudonyms.invented(text):
            self.dropped["invented names"] += len(invented)
            return None
        return self._pseudonyms.reveal(text)

    def hidden(self, text: str) -> str:
        """Return a text as a model may see it."""
        return self._pseudonyms.hide_text(text)

    def technique(self, id: str | None) -> str:
        """Return a technique's id in the current release, empty for one that ATT&CK does not know; that is counted."""
        if not id or not id.strip():
            return ""
        technique = self.catalog.current(id)
        if technique is None:
            self.dropped["techniques that ATT&CK does not know"] += 1
            return ""
        return technique.id

    def prose(self, text: str, limit: int) -> str:
        """Return a model's text as inert lines with names in the place of tokens.

        Lines that speak to a model themselves go: another one may read them. Sentences with made-up tokens go with all
        that rows do not bear out.
        """
        lines = (fenced(_WEB.sub("www[.]", line), limit=10 * limit) for line in text[:limit].splitlines())
        return "\n".join(told for line in lines if line and (told := self._told(line, 10 * limit)))

    def _told(self, line: str, limit: int) -> str:
        if kinds_of_speech(line):
            self.dropped["sentences that speak to a model"] += 1
            return ""
        self.dropped["invented names"] += len(self._pseudonyms.invented(line))
        return fenced(self._pseudonyms.reveal(line), limit=limit)

    def borne_out(
        self,
        text: str,
        rows: Sequence[Mapping[str, Any]],
        claims: Sequence[Claim],
        said: Iterable[str],
        *,
        spoken: Spoken = "as reason",
    ) -> str:
        """Return the sentences that rows, claims and what code said bear out; the others are counted."""
        known = [found[0] for found in _TECHNIQUE.finditer(text) if self.catalog.technique(found[0]) is not None]
        grounds = Grounds(tuple(rows), tuple(claims), (*said, *known))
        worded = borne_out(text, grounds, names=self._names, spoken=spoken)
        self.dropped["sentences that nothing bears out"] += len(worded.removed)
        return worded.text

    def rows(self, refs: Iterable[EvidenceRef]) -> list[dict[str, Any]]:
        """Return the stored rows behind handles."""
        return [row for ref in refs if (row := self.case.evidence.row(ref)) is not None]

    def left_out(self) -> tuple[str, ...]:
        """Return the line for the report's warnings, if anything was left out."""
        told = [f"{count} {what}" for what, count in sorted(self.dropped.items()) if count]
        return (f"Left out of what the model said: {', '.join(told)}.",) if told else ()

    def _rows(self, handle: str, brief: Brief) -> tuple[EvidenceRef, ...]:
        group: Group | None = brief.groups.get(handle)
        if group is not None:
            shown = brief.rows.get(f"E{handle[1:]}")
            first = (shown,) if shown is not None else ()
            rows = tuple(dict.fromkeys([*first, *group.some(MOST_OF_A_GROUP)]))[:MOST_OF_A_GROUP]
        elif handle in brief.detections:
            rows = brief.detections[handle].rows[:MOST_OF_A_GROUP]
        else:
            rows = (brief.rows[handle],) if handle in brief.rows else ()
        return tuple(ref for ref in rows if self.case.evidence.row(ref) is not None)
