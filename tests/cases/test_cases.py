"""Each case is a test: what its case.yaml says must be true of the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from .form import CASES, load
from .play import play, rounds_of

NAMES = sorted(path.parent.name for path in CASES.glob("*/case.yaml"))


@pytest.mark.parametrize("name", NAMES)
async def test_what_a_case_says_is_so(name: str, tmp_path: Path) -> None:
    played = await play(load(CASES / name), tmp_path)
    assert not played.faults
    for expected in played.case.expect.findings:
        assert min(rounds_of(expected, played), default=0) > expected.pivots
