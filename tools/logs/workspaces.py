"""From what the user named to an open workspace."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from soc_analyst.state.errors import OperatorError

from .base import Workspace
from .tables import allowed_schemas, load_tables

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

__all__ = ["AzureSettings", "open_workspace"]

SAMPLE_ROWS = 60_000
SAMPLE_SEED = 7
ACCEPTED = "`sample`, a folder of <Table>.parquet|csv|jsonl, or azure:WORKSPACE_ID"


@dataclass(frozen=True)
class AzureSettings:
    """What the environment says of Azure: another endpoint, and a file of certificates to trust.

    `credential` is one that is open already; without it azure-identity finds one.
    """

    endpoint: str | None = None
    authority: Path | None = None
    credential: AsyncTokenCredential | None = None


@dataclass(frozen=True)
class Order:
    """What opening a workspace needs."""

    spec: str
    data_dir: Path
    columns: Mapping[str, tuple[str, ...]]
    policy_hash: str
    now: datetime | None
    clock: Callable[[], datetime] | None
    lacking: Mapping[str, tuple[str, ...]] | None
    azure: AzureSettings


@asynccontextmanager
async def open_workspace(
    spec: str,
    *,
    data_dir: Path,
    columns: Mapping[str, tuple[str, ...]],
    policy_hash: str,
    now: datetime | None,
    clock: Callable[[], datetime] | None = None,
    lacking: Mapping[str, tuple[str, ...]] | None = None,
    azure: AzureSettings = AzureSettings(),
) -> AsyncIterator[Workspace]:
    """Open a workspace for a while.

    `spec` is as on the command line; `columns` are those that policy allows, by table. Without `now` a folder's clock
    is its newest event, and a live workspace's is `clock`. `lacking` is what an earlier opening of a live workspace
    found missing: its schema is not read again then. Raise OperatorError where the workspace is not what it should be,
    in one line.
    """
    order = Order(spec.strip(), data_dir, columns, policy_hash, now, clock, lacking, azure)
    workspace = await _opener(order.spec)(order)
    try:
        yield workspace
    finally:
        await workspace.aclose()


def _opener(spec: str) -> Callable[[Order], Awaitable[Workspace]]:
    kind, colon, _ = spec.partition(":")
    if not spec:
        raise OperatorError(f"names no workspace; give {ACCEPTED}", where="--workspace")
    if spec in OPENERS:
        return OPENERS[spec]
    if colon and f"{kind.casefold()}:" in OPENERS:
        return OPENERS[f"{kind.casefold()}:"]
    return _folder


async def _sample(order: Order) -> Workspace:
    folder = await asyncio.to_thread(_sample_folder, order.data_dir)
    return await _open_folder(folder, order)


async def _folder(order: Order) -> Workspace:
    return await _open_folder(await asyncio.to_thread(_existing, order.spec), order)


def _existing(spec: str) -> Path:
    folder = Path(spec).expanduser()
    if not folder.exists():
        raise OperatorError(f"there is no folder {spec}; give {ACCEPTED}", where="--workspace")
    return folder


async def _azure(order: Order) -> Workspace:
    from .azure.spec import parse_azure_spec

    where = parse_azure_spec(order.spec, endpoint=order.azure.endpoint)
    from .azure import open_azure

    return await open_azure(
        order.spec,
        where,
        tables=allowed_schemas(load_tables(), order.columns),
        policy_hash=order.policy_hash,
        now=_clock(order),
        lacking=order.lacking,
        authority=order.azure.authority,
        credential=order.azure.credential,
    )


def _clock(order: Order) -> Callable[[], datetime]:
    fixed = order.now
    if fixed is not None:
        return lambda: fixed
    if order.clock is None:
        raise OperatorError("a live workspace needs a clock; give --now", where="--workspace")
    return order.clock


OPENERS: dict[str, Callable[[Order], Awaitable[Workspace]]] = {"sample": _sample, "azure:": _azure}
"""By the whole spec, or by its beginning up to the colon; anything else is a folder."""


async def _open_folder(folder: Path, order: Order) -> Workspace:
    from .embedded import EmbeddedWorkspace

    return await EmbeddedWorkspace.open(
        folder,
        home=order.data_dir / "workspaces",
        tables=allowed_schemas(load_tables(), order.columns),
        policy_hash=order.policy_hash,
        now=order.now,
        spec=order.spec,
    )


def _sample_folder(data_dir: Path) -> Path:
    """Return the folder of the sample tenant, made now where there is none. Blocks."""
    from filelock import FileLock

    from .sample import generate

    home = data_dir / "sample"
    folder = home / f"{SAMPLE_ROWS}-{SAMPLE_SEED}-{_digest_of_sample()}"
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home / ".lock"):
            if not folder.exists():
                half = home / f".{folder.name}.{os.getpid()}"
                shutil.rmtree(half, ignore_errors=True)
                half.mkdir()
                generate(half, rows=SAMPLE_ROWS, seed=SAMPLE_SEED)
                half.rename(folder)
    except OSError as error:
        raise OperatorError(f"cannot be written ({error.strerror}); check --data-dir", where=str(home)) from error
    return folder


def _digest_of_sample() -> str:
    """Return a digest of the generator, so that another version of it makes its tenant anew."""
    digest = hashlib.sha256()
    package = resources.files("soc_analyst.tools.logs.sample")
    for file in sorted((f for f in package.iterdir() if f.name.endswith((".py", ".yaml"))), key=lambda f: f.name):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
