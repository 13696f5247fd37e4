"""Measure what a whole hunt sends to a model, call by call: instructions, form of the answer, evidence, the rest.

    python benchmarks/prompt_tokens.py [QUESTION …]

A scripted server on loopback plays the model: it plans no query of its own, reports a row that no rule hit where the
brief shows one, so that the critic is asked too, and refutes nothing. Tokens are those of o200k; names
are hidden as by default.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from soc_analyst import Context, ahunt
from soc_analyst.tools.models.scripted import Asked, Reply, ScriptedServer
from soc_analyst.tools.models.tokens import count

QUESTIONS = (
    "Anything suspicious on host ws-123 in the last day?",
    "Did anyone guess the password of alice@contoso.com in the last day?",
    "What happened on fs01 in the last 3 days?",
)
PLAN: dict[str, Any] = {
    "reason": "Look at the programs that were started.",
    "window": None,
    "hypotheses": [
        {"statement": "Somebody ran a downloaded program.", "benign": False},
        {"statement": "An administrator worked.", "benign": True},
    ],
    "queries": [],
}
EVIDENCE = re.compile(r"<data evidence .*?</data evidence \w+>", re.DOTALL)
HEAD = f"{'node':<10} {'system':>7} {'form':>7} {'evidence':>9} {'rest':>6} {'all':>7}\n"


def main(arguments: Sequence[str]) -> int:
    """Hunt once a question and print what was sent."""
    for question in arguments or QUESTIONS:
        sys.stdout.write(f"{question}\n{HEAD}")
        total = 0
        for asked in asyncio.run(_hunted(question)):
            total += _told(asked)
        sys.stdout.write(f"{total:,} tokens in all\n\n")
    return 0


async def _hunted(question: str) -> Sequence[Asked]:
    with tempfile.TemporaryDirectory() as home, ScriptedServer(_played) as server:
        context = Context(workspace="sample", model=f"scripted@{server.url}", data_dir=home)
        await ahunt(question, context=context)
        return server.asked


def _played(asked: Asked) -> Reply:
    if asked.answer == "plan_queries":
        return PLAN
    if asked.answer == "CriticAnswer":
        return {"reviews": []}
    return {"findings": [_finding(asked.user)], "hypotheses": []}


def _finding(brief: str) -> dict[str, Any]:
    unseen = re.findall(r"^(G\d+)\t[^\t\n]*(?:\t(?!D)|$)", brief, re.MULTILINE)
    return {
        "title": "A program was started", "description": "Somebody started a program.", "technique_id": "T1059",
        "confidence": "Medium", "recommendations": ["pivot"], "tags": [], "notes": "", "indicators": [],
        "evidence": unseen[-1:] or ["G1"], "claims": [],
    }  # fmt: skip


def _told(asked: Asked) -> int:
    evidence = "".join(EVIDENCE.findall(asked.user))
    form = json.dumps(asked.body.get("response_format") or asked.body.get("tools"), separators=(",", ":"))
    sizes = [_tokens(text) for text in (asked.system, form, evidence, EVIDENCE.sub("", asked.user))]
    shown = " ".join(f"{one:>{width},}" for one, width in zip([*sizes, sum(sizes)], (7, 7, 9, 6, 7), strict=True))
    sys.stdout.write(f"{asked.answer[:10]:<10} {shown}\n")
    return sum(sizes)


def _tokens(text: str) -> int:
    return count(text, "gpt-5-mini").tokens


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
