"""Score the reading on a list of questions: `python -m tests.reading.score [heldout|tuning] [--misses]`.

A question counts for time when start and end are right, for entities when kinds and values are all right and none is
too many, for topics when the set is the same.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.reading import read_question

HERE = Path(__file__).parent
CATEGORIES = ("time", "entities", "topics")


@dataclass(frozen=True)
class Scored:
    """One question, and for each category what was expected and read."""

    question: str
    pairs: dict[str, tuple[object, object]]

    def right(self, category: str) -> bool:
        expected, got = self.pairs[category]
        return expected == got


def questions(name: str) -> list[dict[str, Any]]:
    lines = (HERE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def _expected(case: dict[str, Any]) -> dict[str, object]:
    now = datetime.fromisoformat(case["now"])
    window = (case["start"] or (now - timedelta(days=14)).isoformat(), case["end"] or case["now"])
    return {
        "time": tuple(datetime.fromisoformat(each) for each in window),
        "entities": sorted(each.lower() for each in case["entities"]),
        "topics": sorted(case["topics"]),
    }


def _got(case: dict[str, Any]) -> dict[str, object]:
    try:
        reading = read_question(case["q"], now=datetime.fromisoformat(case["now"]))
    except OperatorError as error:
        return dict.fromkeys(CATEGORIES, str(error))
    return {
        "time": (reading.window.start, reading.window.end),
        "entities": sorted(f"{each.kind}:{each.value}".lower() for each in reading.entities),
        "topics": sorted(reading.topics),
    }


def score(name: str) -> Iterator[Scored]:
    """Yield the questions of a list, scored."""
    for case in questions(name):
        expected, got = _expected(case), _got(case)
        yield Scored(case["q"], {category: (expected[category], got[category]) for category in CATEGORIES})


def main(arguments: list[str]) -> None:
    scored = list(score(next((each for each in arguments if not each.startswith("-")), "heldout")))
    out = sys.stdout.write
    for category in CATEGORIES:
        right = sum(each.right(category) for each in scored)
        out(f"{category:9} {right} of {len(scored)} ({right / len(scored):.1%})\n")
        if "--misses" in arguments:
            for each in scored:
                if not each.right(category):
                    expected, got = each.pairs[category]
                    out(f"   {each.question}\n      expected {expected}\n      got      {got}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
