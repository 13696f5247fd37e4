"""A disk that fills up in the middle of a hunt: one clear line, nothing torn, and it goes on once there is room."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from soc_analyst.cli.app import run
from soc_analyst.tools.records.folder import DataDir

from ..graph.workspace import END, small
from .checking import assert_nothing_torn, told

QUESTION = "Anything suspicious on host ws-1 in the last day?"
ROOM = "64m"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, that can be made smaller and larger."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("no disk of its own can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def sized(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


def used(disk: Path) -> int:
    room = os.statvfs(disk)
    return (room.f_blocks - room.f_bfree) * room.f_frsize


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root mounts a disk of its own")
def test_a_full_disk_ends_a_hunt_in_one_line_and_it_goes_on(
    disk: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = ["--workspace", str(small(tmp_path / "logs")), "--now", END.isoformat(), "--json"]

    def hunt(name: str, command: str) -> tuple[int, str, str]:
        where = ["--data-dir", str(disk / "home")]
        given = ["resume", name, "--json", *where] if command == "resume" else ["hunt", QUESTION, "--thread", name]
        status = run(given if command == "resume" else [*given, *options, *where])
        return status, *capfd.readouterr()

    status, out, _ = hunt("whole", "hunt")
    assert status == 0
    expected, stopped = told(json.loads(out), "whole"), 0
    for kilobytes in (4, 16, 48, 96, 160, 256):
        name = f"case-{kilobytes}"
        sized(disk, str(used(disk) + kilobytes * 1024))
        status, out, err = hunt(name, "hunt")
        sized(disk, ROOM)
        if status == 2:
            stopped += 1
            assert err.count("\n") == 1, err
            assert "could not be written" in err or "cannot be written" in err, err
            assert_nothing_torn(DataDir(disk / "home"))
            begun = (DataDir(disk / "home").case(name) / "case.json").exists()
            status, out, err = hunt(name, "resume" if begun else "hunt")
        assert status == 0, err
        assert told(json.loads(out), name) == expected
    assert stopped >= 3
