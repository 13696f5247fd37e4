"""A later question on a thread: what it leaves unsaid is taken from the one before."""

from __future__ import annotations

from soc_analyst.state.entities import Reading

__all__ = ["carried_on", "guided"]


def carried_on(reading: Reading, before: Reading | None) -> Reading:
    """Return the reading with the window and the things of the question before where it names none of its own."""
    if before is None:
        return reading
    changes: dict[str, object] = {}
    notes = list(reading.notes)
    if reading.window.basis == "assumed":
        changes["window"] = before.window.model_copy(update={"basis": "assumed"})
        notes = [note for note in notes if not note.startswith("the question names no time")]
        notes.append("no time was named: the window of the question before is used")
    if not reading.entities and before.entities:
        changes["entities"] = before.entities
        named = ", ".join(f"{entity.kind} {entity.value}" for entity in before.entities)
        notes.append(f"nothing was named: taken over from the question before: {named}")
    return reading.model_copy(update={**changes, "notes": tuple(notes)}) if changes else reading


def guided(reading: Reading, words: Reading) -> Reading:
    """Return the reading with what guidance names in its place: the time, the things, the kinds of activity."""
    changes: dict[str, object] = {}
    if words.window.basis != "assumed":
        changes["window"] = words.window
    if words.entities:
        changes["entities"] = words.entities
    if words.topics:
        changes["topics"] = words.topics
    return reading.model_copy(update=changes)
