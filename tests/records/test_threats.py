import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_analyst.state.errors import OperatorError
from soc_analyst.state.findings import Finding
from soc_analyst.tools.records.folder import DataDir
from soc_analyst.tools.records.safe_text import defanged, printable
from soc_analyst.tools.records.threats import Logged, ThreatsLog

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def finding(name: str) -> Finding:
    return Finding(id=name, title=f"Finding {name}", description="", confidence="High", time=NOW)


def logged(thread: str = "case-1") -> Logged:
    return Logged(NOW, thread, "What happened?", "sample", "none", "abc")


def test_a_finding_is_logged_once_a_thread(tmp_path: Path) -> None:
    log = ThreatsLog(tmp_path / "_threats.jsonl")
    assert log.append([finding("a"), finding("b")], logged()) == 2
    assert log.append([finding("b"), finding("c")], logged()) == 1
    assert log.append([finding("a")], logged("case-2")) == 1
    entries = list(log.entries())
    assert [(e["thread_id"], e["id"]) for e in entries] == [
        ("case-1", "a"),
        ("case-1", "b"),
        ("case-1", "c"),
        ("case-2", "a"),
    ]
    assert entries[0]["logged_at"] == "2026-03-04T12:00:00Z"
    assert entries[0]["workspace"] == "sample"


def test_a_line_torn_at_any_byte_is_mended_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "_threats.jsonl"
    ThreatsLog(path).append([finding("a"), finding("b")], logged())
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole), 37):
        path.write_bytes(whole[:cut])
        ThreatsLog(path).append([finding("c")], logged())
        ids = [json.loads(line)["id"] for line in path.read_text().splitlines()]
        assert ids in (["a", "c"], ["a", "b", "c"])
    path.write_bytes(whole[:-1])
    ThreatsLog(path).append([finding("c")], logged())
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["a", "b", "c"]


WRITER = """
import sys
from pathlib import Path
from tests.records.test_threats import finding, logged
from soc_analyst.tools.records.threats import ThreatsLog
log = ThreatsLog(Path(sys.argv[1]))
for n in range(20):
    log.append([finding(f"{sys.argv[2]}-{n}")], logged(sys.argv[2]))
"""


def test_writers_in_other_processes_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "_threats.jsonl"
    root = Path(__file__).parents[2]
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name], cwd=root) for name in ("x", "y", "z")]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    assert len({json.loads(line)["id"] for line in path.read_text().splitlines()}) == 60


@pytest.mark.parametrize("thread", ["../up", "a/b", "", ".", "..", "x" * 200, "a\0b", "é"])
def test_a_thread_id_cannot_leave_the_data_folder(tmp_path: Path, thread: str) -> None:
    with pytest.raises(OperatorError, match="thread"):
        DataDir(tmp_path).case(thread)


def test_a_data_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("")
    with pytest.raises(OperatorError, match="cannot be written"):
        DataDir(occupied).ready()


@given(st.text())
def test_text_for_people_draws_nothing_and_links_nowhere(text: str) -> None:
    safe = printable(defanged(text))
    assert all(c.isprintable() or c == "\n" for c in safe)
    assert "http://" not in safe.lower()
    assert "https://" not in safe.lower()


def test_a_url_is_defanged() -> None:
    assert defanged("get HTTPS://evil.example/a.b?c") == "get HxxPS://evil[.]example/a.b?c"
