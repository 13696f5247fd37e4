"""From a question in plain words to what an investigation needs of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from soc_analyst.state.entities import Entity, Reading, TimeWindow
from soc_analyst.state.errors import OperatorError

from .artefacts import Found, find_artefacts
from .hygiene import clean_question
from .languages import english_time_words, language_of
from .masking import Mask
from .names import find_candidates, find_names
from .topics import Subject, read_subject
from .windows import TimePhrase, read_window

__all__ = ["read_question"]

_MOST_DAYS = 100 * 366


def read_question(
    text: str,
    *,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
    default_days: float = 14,
) -> Reading:
    """Read the window, the entities and the topics of a question.

    `now` is the investigation's clock; `since` and `until` win over what the question says. All times are UTC, and a
    naive one is read as UTC. Raises OperatorError for a question or a time that cannot be worked with.
    """
    if not 0 < default_days <= _MOST_DAYS:
        raise OperatorError(
            f"a default window of {default_days:g} days cannot be searched; give more than 0 and up to {_MOST_DAYS}"
        )
    clock, span = _utc(now), timedelta(days=default_days)
    question = clean_question(text)
    code, language = language_of(question)
    mask = Mask(question)
    found = list(find_artefacts(mask))
    window, notes = _window(mask, code, clock, span, since, until)
    found += find_names(mask)
    subject = read_subject(mask.words, _distinct(found)) if code == "en" else Subject()
    candidates = () if code != "en" else find_candidates(mask)
    return Reading(
        window=window,
        entities=_distinct(found),
        candidates=candidates,
        topics=subject.topics,
        broad=subject.broad,
        suspicion=subject.suspicion,
        themes=subject.themes,
        terms=subject.terms,
        outcomes=subject.outcomes,
        notes=(*notes, *_language_note(code, language)),
    )


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _distinct(found: list[Found]) -> tuple[Entity, ...]:
    """Return the entities in the order of the question, each once whatever its case."""
    ordered = sorted(found, key=lambda each: each.start)
    return tuple({(each.entity.kind, each.entity.value.lower()): each.entity for each in reversed(ordered)}.values())[
        ::-1
    ]


def _language_note(code: str, language: str) -> tuple[str, ...]:
    if code == "en":
        return ()
    which = f"the question seems to be {language}" if language else "the question is not in English"
    return (f"{which}: only its times and names were read, and it is treated as asking for anything suspicious",)


def _window(
    mask: Mask, code: str, now: datetime, span: timedelta, since: datetime | None, until: datetime | None
) -> tuple[TimeWindow, tuple[str, ...]]:
    """Return the window and what to say of it, taking all words of time from the mask."""
    if since or until:
        window = _from_options(now, span, since, until)
        _mask_times(mask, code, now, span)
        return window, ()
    best, where = _stated(mask, code, now, span)
    if best is None or best.bounds is None:
        window = TimeWindow(start=now - span, end=now, basis="assumed")
        return window, (
            f"the question names no time; {span / timedelta(days=1):g} days up to {now:%Y-%m-%d %H:%M} UTC were taken",
        )
    start, end = best.bounds
    _must_be_past(start, end, where, now)
    ahead = (f"the window reaches past {now:%Y-%m-%d %H:%M} UTC, where the logs end",) if end > now else ()
    return TimeWindow(start=start, end=end, basis="stated", phrase=where), (*best.notes, *ahead)


def _must_be_past(start: datetime, end: datetime, phrase: str, now: datetime) -> None:
    if start >= now:
        raise OperatorError(f"'{phrase}' lies in the future; ask about a time before {now:%Y-%m-%d %H:%M} UTC")
    if end <= start:
        raise OperatorError(f"'{phrase}' is an empty window; give a start before its end")


def _from_options(now: datetime, span: timedelta, since: datetime | None, until: datetime | None) -> TimeWindow:
    try:
        end = _utc(until) if until else now
        start = _utc(since) if since else end - span
    except OverflowError:
        raise OperatorError("that time is outside of what can be searched", where="--until") from None
    if end <= start:
        raise OperatorError(
            f"{end:%Y-%m-%d %H:%M} UTC is not after {start:%Y-%m-%d %H:%M} UTC; give an end after the start",
            where="--until" if until else "--since",
        )
    if start >= now:
        raise OperatorError(
            f"{start:%Y-%m-%d %H:%M} UTC lies in the future; give a time before {now:%Y-%m-%d %H:%M} UTC",
            where="--since" if since else "--until",
        )
    return TimeWindow(start=start, end=end, basis="option")


def _mask_times(mask: Mask, code: str, now: datetime, span: timedelta) -> None:
    """Take the words of time away, whatever they mean: an option has already decided."""
    try:
        _stated(mask, code, now, span)
    except OperatorError:
        return


def _stated(mask: Mask, code: str, now: datetime, span: timedelta) -> tuple[TimePhrase | None, str]:
    """Return the phrase that gives the window with the user's own words, and take all phrases from the mask."""
    translated = english_time_words(mask.text, code)
    original = mask.text
    try:
        best, phrases = read_window(translated.text, now, span)
    except OverflowError:
        raise OperatorError("that time is outside of what can be searched; give dates of this century") from None
    for phrase in phrases:
        mask.take(*translated.span(phrase.start, phrase.end))
    if best is None:
        return None, ""
    start, end = translated.span(best.start, best.end)
    return best, original[start:end].strip()
