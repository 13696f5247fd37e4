"""Briefs over the sample tenant's incidents stay short and keep the evidence, also where no rule fired."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest

from soc_analyst.tools.privacy import Pseudonyms
from soc_analyst.tools.reasoning.by_model.brief import build_brief

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))
import brief_tokens


@pytest.mark.slow
def test_briefs_of_the_sample_tenant_are_short_and_keep_the_evidence() -> None:
    questions = [one for one in brief_tokens.planted(1_000, 7, blind=False) if one.pieces]
    pieces, kept, kept_blind = 0, 0, 0
    tokens = []
    for one in questions:
        cases = (one.case, replace(one.case, detections=()))
        seen, blind = (
            build_brief(each, budget=4_000, count=brief_tokens.tokens, pseudonyms=Pseudonyms.off()) for each in cases
        )
        found, _ = brief_tokens.kept_in(one.pieces, seen)
        assert found, f"nothing of {one.id} stands in its brief"
        assert not seen.untold, f"{one.id} takes a second part"
        tokens.append(seen.tokens)
        pieces, kept = pieces + len(one.pieces), kept + len(found)
        kept_blind += len(brief_tokens.kept_in(one.pieces, blind)[0])
    assert fmean(tokens) < 2_000
    assert max(tokens) <= 4_000
    assert kept >= 0.85 * pieces
    assert kept_blind >= 0.6 * pieces
