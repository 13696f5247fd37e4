"""Readings of several parts made one: by code first, then as a model joins drafts into stories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from soc_analyst.state.findings import Confidence, EvidenceRef
from soc_analyst.tools.privacy import fenced

from .analysis_answer import Story, StoryAnswer
from .drafting import DESCRIPTION, NOTES, TITLE, Draft, Reading
from .referee import MOST_ROWS, Referee
from .subjects import Thing, things_in

__all__ = ["joined", "listed", "numbered", "told"]

ORDER: Mapping[Confidence, int] = {"Low": 0, "Medium": 1, "High": 2}
SHOWN_THINGS = 6


def joined(readings: Sequence[Reading], referee: Referee) -> Reading:
    """Return several readings as one: drafts of one technique about the same things are one draft."""
    kept: list[Draft] = []
    for draft in (draft for reading in readings for draft in reading.drafts):
        same = next((i for i, other in enumerate(kept) if _same(draft, other, referee)), None)
        if same is None:
            kept.append(draft)
        else:
            kept[same] = _one([kept[same], draft])
    return Reading(tuple(kept), tuple(one for reading in readings for one in reading.explanations))


def numbered(drafts: Sequence[Draft]) -> Mapping[str, Draft]:
    """Return the drafts under handles: F1, F2 and so on."""
    return {f"F{i}": draft for i, draft in enumerate(drafts, 1)}


def listed(drafts: Mapping[str, Draft], referee: Referee) -> str:
    """Return the drafts as lines for a model: what was read, when, and whom it names."""
    return "\n".join(_line(handle, draft, referee) for handle, draft in drafts.items())


def told(answer: StoryAnswer, drafts: Mapping[str, Draft], referee: Referee) -> tuple[Draft, ...]:
    """Return the drafts as stories join them; what no story names, or what shares nothing, stays by itself."""
    left = dict(drafts)
    stories: list[Draft] = []
    for story in answer.stories:
        names = list(dict.fromkeys(one.strip().upper() for one in story.drafts))
        referee.dropped["unknown handles"] += sum(name not in drafts for name in names)
        members = _connected([left[name] for name in names if name in left], referee)
        if len(members) > 1:
            left = {name: draft for name, draft in left.items() if draft not in members}
            stories.append(_as_told(story, _one(members), referee))
    return (*stories, *left.values())


def _same(left: Draft, right: Draft, referee: Referee) -> bool:
    if left.technique != right.technique:
        return False
    shared = _things(left, referee) & _things(right, referee) if left.technique else ()
    return bool(shared or set(left.refs) & set(right.refs))


def _one(drafts: Sequence[Draft]) -> Draft:
    """Return drafts as one, in the words of the surest."""
    first = max(drafts, key=lambda one: ORDER[one.confidence])
    others = [one for one in drafts if one is not first]
    return replace(
        first,
        description="\n".join(dict.fromkeys([first.description, *(one.description for one in others)])),
        notes="\n".join(dict.fromkeys([first.notes, *(one.notes for one in others)])),
        technique=first.technique or next((one.technique for one in others if one.technique), ""),
        recommendations=tuple(dict.fromkeys(each for one in (first, *others) for each in one.recommendations)),
        tags=tuple(dict.fromkeys(each for one in (first, *others) for each in one.tags)),
        indicators=tuple(dict.fromkeys(each for one in (first, *others) for each in one.indicators)),
        refs=_in_turn([one.refs for one in (first, *others)]),
        detections=tuple(dict.fromkeys(each for one in (first, *others) for each in one.detections)),
        claims=tuple(dict.fromkeys(each for one in (first, *others) for each in one.claims)),
    )


def _in_turn(rows: Sequence[Sequence[EvidenceRef]]) -> tuple[EvidenceRef, ...]:
    """Take rows from each draft in turn, so that none is left without a row."""
    longest = max(len(own) for own in rows)
    return tuple(dict.fromkeys(own[i] for i in range(longest) for own in rows if i < len(own)))[:MOST_ROWS]


def _connected(drafts: Sequence[Draft], referee: Referee) -> list[Draft]:
    """Return the drafts that the first one leads to over rows and things they share."""
    kept, reached = list(drafts[:1]), _things(drafts[0], referee) if drafts else frozenset()
    for draft in drafts[1:]:
        if _things(draft, referee) & reached or any(set(draft.refs) & set(one.refs) for one in kept):
            kept.append(draft)
            reached = reached | _things(draft, referee)
    return kept


def _things(draft: Draft, referee: Referee) -> frozenset[Thing]:
    rows = zip(draft.refs, referee.rows(draft.refs), strict=True)
    return frozenset(thing for ref, row in rows for thing in things_in(row, referee.case.tables.get(ref.table)))


def _as_told(story: Story, draft: Draft, referee: Referee) -> Draft:
    technique = referee.technique(story.technique_id)
    return replace(
        draft,
        title=referee.prose(story.title, TITLE) or draft.title,
        description=referee.prose(story.description, DESCRIPTION) or draft.description,
        notes=referee.prose(story.notes, NOTES) or draft.notes,
        technique=technique or draft.technique,
        confidence=max(draft.confidence, story.confidence, key=lambda one: ORDER[one]),
    )


def _line(handle: str, draft: Draft, referee: Referee) -> str:
    times = sorted(ref.time for ref in draft.refs if ref.time is not None)
    span = f"{times[0]:%m-%d %H:%M:%S} to {times[-1]:%m-%d %H:%M:%S}" if times else "-"
    named = ", ".join(sorted(value for _, value in _things(draft, referee))[:SHOWN_THINGS])
    rows = f"{len(draft.refs)} rows"
    technique = draft.technique or "-"
    cells = (handle, technique, draft.confidence, rows, span, named, draft.title, draft.description)
    return "\t".join(fenced(referee.hidden(cell), limit=600) for cell in cells)
