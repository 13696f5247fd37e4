"""The official KQL parser: fetched once into this folder, then asked over one process of node."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock
from pydantic import BaseModel

HERE = Path(__file__).parent
LOCK = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
PACKAGE = "node_modules/@kusto/language-service-next"

Schema = Mapping[str, Mapping[str, str]]
"""Types of columns by table."""


class Fault(BaseModel):
    """What the parser has against a place in the text."""

    code: str
    severity: str
    message: str
    start: int
    length: int


class Ruling(BaseModel):
    """What the parser says of a text."""

    kind: str
    diagnostics: tuple[Fault, ...]
    tables: dict[str, int]
    """The tables read, and in how many places each is named."""
    columns: dict[str, tuple[str, ...]]
    """The columns read of each table, in the order of the alphabet."""
    output: tuple[tuple[str, str], ...]
    """Names and types of the columns returned."""

    @property
    def faults(self) -> list[str]:
        """Codes and messages."""
        return [f"{fault.code} at {fault.start}: {fault.message}" for fault in self.diagnostics]


class Referee:
    """Judges texts against a schema."""

    def __init__(self, schema: Schema) -> None:
        self._node = subprocess.Popen(
            [str(shutil.which("node")), str(HERE / "referee.js")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
        )  # fmt: skip
        assert self._asked(schema) == {"ready": True}

    def judge(self, text: str) -> Ruling:
        """Return what the official parser says of a text."""
        return Ruling.model_validate(self._asked(text))

    def _asked(self, question: object) -> Any:
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps(question) + "\n")
        self._node.stdin.flush()
        return json.loads(self._node.stdout.readline())

    def close(self) -> None:
        """End the process."""
        with self._node:
            assert self._node.stdin is not None
            self._node.stdin.close()


def fetch() -> None:
    """Fetch the package in the version of the lock file, whose hash npm checks; raise with npm's words if it cannot."""
    with FileLock(HERE / ".npm.lock"):
        if _version() == LOCK[PACKAGE]["version"]:
            return
        command = [str(shutil.which("npm")), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(HERE)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"npm cannot fetch the official parser: {done.stderr or done.stdout}"


def _version() -> str:
    package = HERE / PACKAGE / "package.json"
    return str(json.loads(package.read_text(encoding="utf-8"))["version"]) if package.is_file() else ""
