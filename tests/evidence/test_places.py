"""Evidence in another place than the data folder: a folder, or a store that fsspec knows."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from soc_analyst import Context, hunt
from soc_analyst.cli.app import run
from soc_analyst.state.errors import EvidenceError, OperatorError
from soc_analyst.tools.evidence import EvidenceStore
from soc_analyst.tools.places import Bucket, Folder, place_at

from ..graph.workspace import END, small

QUESTION = "Anything suspicious on host ws-1 in the last day?"


@pytest.mark.parametrize("where", ["memory://soc/evidence", "file://{}/there", "{}/here"])
def test_rows_and_texts_come_back_from_anywhere(where: str, tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path / "unused", url=where.format(tmp_path))
    rows = pa.table({"n": [1, 2, 3]})
    digest = store.put_rows(rows)
    assert store.rows(digest) == rows
    assert store.text(store.put_text("T | take 1")) == "T | take 1"
    gone = hashlib.sha256(b"nothing").hexdigest()
    with pytest.raises(EvidenceError, match="is gone"):
        store.text(gone)
    assert not (tmp_path / "unused").exists()


def test_half_a_file_is_noticed_and_written_anew() -> None:
    """A store that shows half an object after a crash is no object store, and does no harm either."""
    store = EvidenceStore(Path("unused"), url="memory://soc/half")
    place = place_at("memory://soc/half")
    assert isinstance(place, Bucket)
    digest = store.put_text("T | take 1")
    place.put(f"{digest[:2]}/{digest}.txt", b"T | ta")
    assert "was changed" in store.fault(digest, ".txt")
    assert store.put_text("T | take 1") == digest and store.text(digest) == "T | take 1"


def test_a_hunt_keeps_its_rows_there(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / "shared"
    context = Context(
        workspace=str(small(tmp_path / "logs")),
        now=END,
        data_dir=tmp_path / "data",
        max_rounds=1,
        evidence=f"file://{there}",
    )
    report = hunt(QUESTION, context=context, thread_id="case-1")
    assert report.findings and list(there.glob("*/*.parquet"))
    assert not (context.data_dir / "evidence").exists()
    assert run(["report", "case-1", "--replay", "--format", "json", "--data-dir", str(context.data_dir)]) == 0
    assert "All of it is as it was reported" in capfd.readouterr().err
    assert run(["accept", "case-1", "--data-dir", str(context.data_dir)]) == 0


def test_a_place_that_is_none_is_said_before_anything_runs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert place_at("here") == Folder(Path("here"))
    with pytest.raises(OperatorError, match=r"--evidence: nonsense:// cannot be used"):
        place_at("nonsense://x")
    asked = ["hunt", QUESTION, "--workspace", str(small(tmp_path / "logs")), "--data-dir", str(tmp_path / "data")]
    assert run([*asked, "--evidence", "nonsense://x"]) == 2
    assert capfd.readouterr().err.count("\n") == 1
    assert run([*asked, "--evidence", "s3://key:secret@bucket/x"]) == 2
    said = capfd.readouterr().err
    assert "holds a user or a password" in said and "secret" not in said
    assert not (tmp_path / "data" / "cases").exists()
