"""The steps that ask nobody: configuration, policy, data folder, detections."""

from __future__ import annotations

import asyncio
import platform
import shutil
import ssl
from importlib import metadata
from pathlib import Path

from soc_analyst.graph.desk.desk import open_desk, policy_for
from soc_analyst.graph.desk.rules import rules_for
from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.records.folder import DataDir

from .chart import CONFIGURATION, Chart, failed, noted, well
from .checkup import Fact, StepResult

__all__ = ["configuration", "data_folder", "detections", "policy"]

GIGABYTE = 1_000_000_000
LITTLE, TOO_LITTLE = 2 * GIGABYTE, GIGABYTE // 10
"""Bytes free below which a hunt may run out of space, and below which it does."""
LOCKS = ("_threats.jsonl.lock", "sample/.lock", "workspaces/.lock")


async def configuration(chart: Chart) -> StepResult:
    """See that the workspace is named as one can be, and that what the environment names is there."""
    version, python = metadata.version("soc-analyst"), platform.python_version()
    facts: dict[str, Fact] = {"version": version, "python": python, "workspace": chart.context.workspace}
    _require_certificates(chart.settings.authority)
    if not chart.live:
        return well(f"soc-analyst {version}, workspace {chart.context.workspace}", **facts)
    from soc_analyst.tools.logs.azure.spec import parse_azure_spec

    chart.where = parse_azure_spec(chart.context.workspace, endpoint=chart.settings.logs_endpoint)
    count = len(chart.where.ids)
    named = chart.where.ids[0] if count == 1 else f"{count} workspaces"
    told = f"soc-analyst {version}, {named} at {chart.where.endpoint}"
    return well(told, **facts, endpoint=chart.where.endpoint, workspaces=count)


def _require_certificates(path: Path | None) -> None:
    if path is None:
        return
    try:
        ssl.create_default_context(cafile=str(path) if path.is_file() else None, capath=str(path))
    except (OSError, ssl.SSLError) as error:
        where = "SSL_CERT_FILE, REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE"
        raise OperatorError(
            f"{path} holds no certificates (PEM); name another file, or unset it", where=where
        ) from error


async def policy(chart: Chart) -> StepResult:
    """Read the policy."""
    chart.policy = found = await asyncio.to_thread(policy_for, chart.context)
    columns = sum(map(len, found.tables.values()))
    told = f"{len(found.tables)} tables, {columns} columns, hash {found.hash[:12]}"
    return well(told, tables=len(found.tables), columns=columns, hash=found.hash)


async def data_folder(chart: Chart) -> StepResult:
    """See that the data folder can be written, has space, and is held by no other process."""
    return await asyncio.to_thread(_data_folder, DataDir(chart.context.data_dir))


def _data_folder(data: DataDir) -> StepResult:
    root = data.ready().root.resolve()
    free = shutil.disk_usage(root).free
    facts: dict[str, Fact] = {"path": str(root), "free_bytes": free}
    space = f"{free / GIGABYTE:,.1f} GB free"
    if free < TOO_LITTLE:
        return failed(CONFIGURATION, f"{root} has {space}", "Free some space, or choose another --data-dir.", **facts)
    if held := [name for name in LOCKS if _is_held(root / name)]:
        told = f"{root} can be written, {space}; another process holds {', '.join(held)}"
        return noted(told, "A run at work lets go of it by itself; if none is, end what holds it.", **facts)
    if free < LITTLE:
        return noted(
            f"{root} can be written, with only {space}", "Large folders and long hunts may need more.", **facts
        )
    return well(f"{root} can be written, {space}", **facts)


def _is_held(lock: Path) -> bool:
    """Return whether a lock that others wait for is held; it is taken for an instant to see that."""
    from filelock import FileLock, Timeout

    if not lock.exists():
        return False
    try:
        with FileLock(lock, timeout=0.05):
            return False
    except (Timeout, OSError):
        return True


async def detections(chart: Chart) -> StepResult:
    """Read the rules."""
    async with open_desk(chart.context.model_copy(update={"model": "none"})) as desk:
        rules = await asyncio.to_thread(rules_for, desk)
    facts: dict[str, Fact] = {"rules": len(rules.rules), "faults": len(rules.faults)}
    if rules.faults:
        told = f"{len(rules.rules)} rules; {len(rules.faults)} documents could not be read"
        return noted(told, "`soc-analyst detect --json` names each fault with its line.", **facts)
    return well(f"{len(rules.rules)} rules", **facts)
