"""A LangGraph server as `langgraph dev` starts it: a process of its own, on a port of its own, without a network."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9"
"""A proxy that nobody is at: what would leave this machine fails."""
STARTS_WITHIN = 240.0


@dataclass(frozen=True)
class Dev:
    """A server that runs."""

    url: str
    folder: Path
    """Where it was started and may write."""
    log: Path


@contextmanager
def dev_server(folder: Path, config: Path, settings: Mapping[str, str] | None = None) -> Iterator[Dev]:
    """Start `langgraph dev` in an empty folder and stop it at the end."""
    port, log = _free_port(), folder / "server.log"
    command = [Path(sys.executable).with_name("langgraph"), "dev", "--config", config, "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*map(str, command), "--no-browser", "--no-reload", "--n-jobs-per-worker", "4"],
            cwd=folder,
            env={**_environment(folder), **(settings or {})},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Dev(_answering(f"http://127.0.0.1:{port}", process, log), folder, log)
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _environment(folder: Path) -> dict[str, str]:
    """Return an environment without anybody's keys."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "LANGGRAPH_NO_VERSION_CHECK": "true",
        "LANGGRAPH_STRICT_MSGPACK": "true",
        "LANGSMITH_TRACING": "false",
        "HTTP_PROXY": NOWHERE,
        "HTTPS_PROXY": NOWHERE,
        "NO_PROXY": "127.0.0.1,localhost",
    }


def _answering(url: str, process: subprocess.Popen[bytes], log: Path) -> str:
    started = time.monotonic()
    while process.poll() is None and time.monotonic() - started < STARTS_WITHIN:
        try:
            if httpx.get(f"{url}/ok", trust_env=False).is_success:
                return url
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"langgraph dev did not start:\n{log.read_text()[-4_000:]}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
