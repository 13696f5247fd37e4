"""What kind of activity a question asks about, and with which outcome."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal, cast, get_args

from soc_analyst.state.entities import Entity, EntityKind, Topic

from .vocabulary import vocabulary

__all__ = ["Outcome", "Subject", "read_subject"]

Outcome = Literal["failed", "succeeded", "blocked", "allowed"]


@dataclass(frozen=True)
class Subject:
    """What is asked for; `broad` where no kind of activity is named."""

    topics: tuple[Topic, ...] = ()
    terms: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    suspicion: bool = False
    themes: tuple[str, ...] = ()

    @property
    def broad(self) -> bool:
        """Whether anything suspicious is asked for."""
        return not (self.topics or self.terms or self.outcomes)


def _pattern(words: list[str]) -> re.Pattern[str]:
    ordered = sorted((str(word) for word in words), key=len, reverse=True)
    parts = (re.escape(word).replace(r"\*", r"[\w-]*").replace(r"\ ", r"\s+") for word in ordered)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(parts)})(?![\w])", re.I)


@cache
def _topic_patterns() -> tuple[tuple[Topic, re.Pattern[str]], ...]:
    data = vocabulary("topics")["topics"]
    return tuple((topic, _pattern(data[topic])) for topic in get_args(Topic))


@cache
def _suspicion_pattern() -> re.Pattern[str]:
    return _pattern(vocabulary("topics")["suspicion"])


@cache
def _theme_patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((theme, _pattern(words)) for theme, words in vocabulary("topics")["themes"].items())


@cache
def _changed_pattern() -> re.Pattern[str]:
    return _pattern(vocabulary("topics")["changed"])


@cache
def _term_pattern() -> re.Pattern[str]:
    return _pattern(vocabulary("topics")["terms"])


@cache
def _outcome_patterns() -> tuple[tuple[Outcome, re.Pattern[str]], ...]:
    data = vocabulary("names")["outcomes"]
    return tuple((cast(Outcome, name), _pattern(words)) for name, words in data.items())


_OF_KIND: dict[EntityKind, Topic] = {"process": "processes", "registry_key": "registry", "port": "network"}


def read_subject(text: str, entities: tuple[Entity, ...] = ()) -> Subject:
    """Read the topics, terms and outcomes from what is left of a question once names are taken out of it.

    A process, registry key or port asks for its own logs without another word.
    """
    implied = {_OF_KIND[entity.kind] for entity in entities if entity.kind in _OF_KIND}
    topics = tuple(topic for topic, pattern in _topic_patterns() if topic in implied or pattern.search(text))
    terms = tuple(dict.fromkeys(found[0].lower() for found in _term_pattern().finditer(text)))
    outcomes = tuple(name for name, pattern in _outcome_patterns() if pattern.search(text))
    if "azure" in topics and not outcomes and _changed_pattern().search(text):
        topics = tuple(topic for topic in topics if topic not in ("flows", "network"))
    themes = tuple(theme for theme, pattern in _theme_patterns() if pattern.search(text))
    return Subject(topics, terms, outcomes, suspicion=bool(_suspicion_pattern().search(text)), themes=themes)
