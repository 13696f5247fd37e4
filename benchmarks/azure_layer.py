"""Time our layer over Log Analytics against the client alone, with the same answers over loopback and TLS.

    python benchmarks/azure_layer.py [--rows 1000 --rows 100000 --rows 500000]

The client alone reads an answer into its own rows. Ours sends by the same client, reads the answer into Arrow, and with
`+ store` keeps the rows as evidence. Each measurement is a process of its own, so that its memory is its own; the
server is another. Then 64 queries at once, each of which takes the service 50 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from azure.core.credentials import AccessToken
from azure.monitor.query.aio import LogsQueryClient

from soc_analyst.state.queries import ApprovedQuery
from soc_analyst.tools.evidence import EvidenceStore
from soc_analyst.tools.logs.azure import AzureWorkspace, open_azure
from soc_analyst.tools.logs.azure.asking import AT_ONCE
from soc_analyst.tools.logs.azure.spec import AzureSpec
from soc_analyst.tools.loopback import Connection, Listener, with_certificate

WORKSPACE = "11111111-1111-4111-8111-111111111111"
END = datetime(2026, 3, 4, 12, tzinfo=UTC)
SIDES = ("client", "ours", "ours + store")
COLUMNS = {
    "TimeGenerated": "datetime", "DeviceName": "string", "ActionType": "string", "FileName": "string",
    "ProcessCommandLine": "string", "AccountName": "string", "ProcessId": "long", "ReportId": "long",
    "IsSigned": "bool", "AdditionalFields": "dynamic",
}  # fmt: skip
TOGETHER = 64
PAUSE = 0.05


def answer(rows: int) -> bytes:
    """Return a body of so many rows of ten columns, about 200 bytes each: half a million make the service's 100 MB."""
    parts = (
        f'["{END - timedelta(seconds=n):%Y-%m-%dT%H:%M:%S}.{n % 10_000_000:07d}Z","ws-{n % 500}.contoso.com",'
        f'"ProcessCreated","tool{n % 40}.exe","tool{n % 40}.exe --job {n} --path \\"C:\\\\Work\\\\{n % 900}\\"",'
        f'"user{n % 300}",{n % 32_000},{n},{"true" if n % 2 else "false"},"{{\\"kind\\":\\"k{n % 1000}\\"}}"]'
        for n in range(rows)
    )
    columns = json.dumps([{"name": name, "type": kind} for name, kind in COLUMNS.items()])
    return f'{{"tables":[{{"name":"PrimaryResult","columns":{columns},"rows":[{",".join(parts)}]}}]}}'.encode()


class Server(Listener):
    """Answer `N` with N rows made beforehand, and anything else after a pause; count who is served at once."""

    def __init__(self, sizes: list[int]) -> None:
        super().__init__(Answering)
        self.bodies = {str(rows): answer(rows) for rows in sizes}
        self.alone, self.at_once, self.most = threading.Lock(), 0, 0


class Answering(Connection):
    """One connection."""

    def do_POST(self) -> None:
        """Answer a query."""
        assert isinstance(self.server, Server)
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["query"]
        with self.server.alone:
            self.server.at_once += 1
            self.server.most = max(self.server.most, self.server.at_once)
        if asked not in self.server.bodies:
            time.sleep(PAUSE)
        body = self.server.bodies.get(asked) or answer(1)
        with self.server.alone:
            self.server.at_once -= 1
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Credential:
    """A token that never ends."""

    async def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        """Return the token."""
        return AccessToken("token", 4_102_444_800)

    async def close(self) -> None:
        """Hold nothing."""

    async def __aenter__(self) -> Credential:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()


def query(text: str, cap: int) -> ApprovedQuery:
    """Return a query as the guard would hand it on."""
    start = END - timedelta(days=30)
    return ApprovedQuery(id="q", kql=text, tables=(), columns={}, start=start, end=END, row_cap=cap, policy_hash="p")


async def opened(url: str, authority: Path) -> AzureWorkspace:
    """Open the workspace without reading its schema."""
    return await open_azure(
        f"azure:{WORKSPACE}", AzureSpec((WORKSPACE,), url), tables={}, policy_hash="p", now=lambda: END, lacking={},
        credential=Credential(), authority=authority,
    )  # fmt: skip


async def by_client(url: str, authority: Path, rows: int, times: int) -> list[float]:
    """Time the client alone."""
    took = []
    async with LogsQueryClient(Credential(), endpoint=url, connection_verify=str(authority)) as client:
        await client.query_workspace(WORKSPACE, "warm", timespan=(END, END))
        for _ in range(times):
            began = time.perf_counter()
            found = await client.query_workspace(WORKSPACE, str(rows), timespan=(END, END), include_statistics=True)
            took.append(time.perf_counter() - began)
            assert len(found.tables[0].rows) == rows  # type: ignore[union-attr]
            del found
    return took


async def by_us(url: str, authority: Path, rows: int, times: int, *, store: bool) -> list[float]:
    """Time our layer, and with `store` the keeping of its rows as evidence."""
    took = []
    workspace = await opened(url, authority)
    with tempfile.TemporaryDirectory() as folder:
        evidence = EvidenceStore(Path(folder))
        await workspace.run(query("warm", 1), timeout=60)
        for _ in range(times):
            began = time.perf_counter()
            found = await workspace.run(query(str(rows), rows), timeout=300)
            if store:
                await asyncio.to_thread(evidence.put_rows, found.rows)
            took.append(time.perf_counter() - began)
            assert found.rows.num_rows == rows, found.diagnostics
            del found
        await workspace.aclose()
    return took


def one_side(side: str, url: str, authority: Path, rows: int) -> None:
    """Print what one side took, as JSON: the process of one measurement."""
    before = peak()
    times = 5 if rows <= 1_000 else 3 if rows <= 100_000 else 1
    if side == "client":
        took = asyncio.run(by_client(url, authority, rows, times))
    else:
        took = asyncio.run(by_us(url, authority, rows, times, store="store" in side))
    sys.stdout.write(json.dumps({"seconds": median(took), "megabytes": peak() - before}))


def peak() -> float:
    """Return the most memory that this process held so far, in MB; `getrusage` would count its parent's too."""
    held = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(held.split()[1]) / 1000


def measured(side: str, url: str, authority: Path, rows: int) -> dict[str, Any]:
    """Measure one side in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--url", url, "--authority", str(authority)]
    done = subprocess.run([*command, "--rows", str(rows)], check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


async def together(url: str, authority: Path) -> float:
    """Return the seconds that many queries at once take."""
    workspace = await opened(url, authority)
    began = time.perf_counter()
    results = await asyncio.gather(*(workspace.run(query("pause", 10), timeout=60) for _ in range(TOGETHER)))
    took = time.perf_counter() - began
    assert {result.status for result in results} == {"ok"}
    await workspace.aclose()
    return took


def main() -> int:
    """Serve, measure each size by each side, and print seconds, memory and ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, action="append")
    for name in ("--side", "--url"):
        parser.add_argument(name)
    parser.add_argument("--authority", type=Path)
    given = parser.parse_args()
    sizes = given.rows or [1_000, 100_000, 500_000]
    if given.side:
        one_side(given.side, given.url, given.authority, sizes[0])
        return 0
    server = Server(sizes)
    with tempfile.TemporaryDirectory() as folder:
        authority = with_certificate(server, Path(folder))
        server.start()
        url = f"https://127.0.0.1:{server.server_port}"
        for rows in sizes:
            size = len(server.bodies[str(rows)])
            told = {side: measured(side, url, authority, rows) for side in SIDES}
            alone = told["client"]["seconds"]
            sys.stdout.write(f"{rows:,} rows, {size / 1e6:.1f} MB\n")
            for side, one in told.items():
                sys.stdout.write(
                    f"  {side:<14}{one['seconds']:9.3f} s  {one['seconds'] / alone:5.2f}x"
                    f"  {one['megabytes']:8.0f} MB beyond the start\n"
                )
        server.most = 0
        took = asyncio.run(together(url, authority))
        least = PAUSE * -(-TOGETHER // AT_ONCE)
        sys.stdout.write(
            f"{TOGETHER} queries at once, {PAUSE * 1000:.0f} ms each: {took:.2f} s, {server.most} at a time"
            f" (at least {least:.2f} s with {AT_ONCE} places)\n"
        )
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
