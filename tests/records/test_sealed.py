"""With a key all that is kept of a case is sealed; another key, none, or a changed file is one clear line."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from pathlib import Path

import pytest

from soc_analyst import Context, checkpoint_serializer, hunt
from soc_analyst.cli.app import run
from soc_analyst.settings import Settings
from soc_analyst.state.errors import EvidenceError, OperatorError
from soc_analyst.tools.evidence import EvidenceStore
from soc_analyst.tools.models.ledger import Ledger, PaidCall
from soc_analyst.tools.records.folder import DataDir
from soc_analyst.tools.sealing import MARK, SETTING, Seal, opened, read_key

from ..graph.workspace import END, small

QUESTION = "Anything suspicious on host ws-1 in the last day?"
PLAIN = {"ledger.jsonl", "running.lock", "_threats.jsonl.lock", "ledger.jsonl.lock"}
"""Files that hold hashes and names of files, or nothing."""
CACHES = ("workspaces", "rules")
"""What can be made again from the workspace and the rules, and is no part of a case."""


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "key"
    path.write_text(os.urandom(32).hex() + "\n")
    monkeypatch.setenv(SETTING, str(path))
    return path


def test_all_that_is_kept_of_a_case_is_sealed(
    key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    context = Context(workspace=str(small(tmp_path / "logs")), now=END, data_dir=tmp_path / "data", max_rounds=2)
    report = hunt(QUESTION, context=context, thread_id="case-1")
    assert report.findings
    told = [b"ws-1", b"jdoe", b"DownloadString", b"203.0.113.77", report.summary[:30].encode(), b"PAR1"]
    kept = [path for path in context.data_dir.rglob("*") if path.is_file() and path.parts[-2:-1] != ("rules",)]
    kept = [path for path in kept if not set(CACHES) & set(path.relative_to(context.data_dir).parts)]
    assert len(kept) > 20
    for path in kept:
        content = path.read_bytes()
        assert not [text for text in told if text in content], path
        if path.suffix in (".json", ".key", ".parquet", ".txt"):
            assert content.startswith(MARK), path
    options = ["--data-dir", str(context.data_dir)]
    assert run(["report", "case-1", "--format", "json", *options]) == 0
    out, err = capfd.readouterr()
    assert report.model_dump_json() in out.replace("\n", "") or report.summary in out
    assert err == ""
    assert run(["report", "case-1", "--replay", "--format", "json", *options]) == 0
    assert "All of it is as it was reported" in capfd.readouterr().err
    assert run(["threats", "--json", *options]) == 0
    assert capfd.readouterr().out.count("\n") == len(report.findings)

    other = tmp_path / "other"
    other.write_bytes(os.urandom(32))
    for value, why in ((str(other), "was sealed with another key"), ("", "is sealed; name the file of its key")):
        monkeypatch.setenv(SETTING, value)
        for command in (["report", "case-1"], ["threads"], ["threats"], ["resume", "case-1"], ["accept", "case-1"]):
            assert run([*command, *options]) == 2, command
            said = capfd.readouterr().err
            assert said.count("\n") == 1 and why in said and SETTING in said, command
    monkeypatch.setenv(SETTING, str(key))
    assert run(["threads", *options]) == 0
    assert "confirmed" in capfd.readouterr().out


def test_a_case_from_before_there_was_a_key_is_read(key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SETTING)
    context = Context(workspace=str(small(tmp_path / "logs")), now=END, data_dir=tmp_path / "data", max_rounds=1)
    before = hunt(QUESTION, context=context, thread_id="case-1")
    monkeypatch.setenv(SETTING, str(key))
    assert DataDir(context.data_dir, Settings.seal()).folder("case-1").report() == before
    after = hunt(QUESTION, context=context, thread_id="case-1")
    assert after.outcome == before.outcome


def test_what_is_sealed_stands_for_nothing_else() -> None:
    seal = Seal(bytes(32))
    sealed = seal.close(b"rows", "evidence/a")
    assert seal.close(b"rows", "evidence/a") != sealed
    assert opened(sealed, "evidence/a", Seal(bytes(32))) == b"rows"
    for name, content in (("evidence/b", sealed), ("evidence/a", sealed[:-1]), ("evidence/a", sealed[:30])):
        with pytest.raises((EvidenceError, OperatorError), match=re.escape(name)):
            seal.open(content, name)
    assert repr(seal) == "Seal()"


@pytest.mark.parametrize("spelt", [lambda k: k, lambda k: k.hex().encode(), lambda k: b64encode(k) + b"\n"])
def test_a_key_is_read_however_it_is_spelt(spelt: object, tmp_path: Path) -> None:
    key, path = bytes(range(32)), tmp_path / "key"
    path.write_bytes(spelt(key))  # type: ignore[operator]
    assert read_key(path) == key


def test_a_file_that_holds_no_key_is_said(tmp_path: Path) -> None:
    for content in (b"", b"short", b"x" * 33):
        (tmp_path / "key").write_bytes(content)
        with pytest.raises(OperatorError, match=rf"{SETTING}: .*holds no key: 32 bytes.*openssl rand"):
            Settings.seal({SETTING: str(tmp_path / "key")})
    with pytest.raises(OperatorError, match="cannot be read"):
        Settings.seal({SETTING: str(tmp_path / "nowhere")})
    assert Settings.seal({}) is None


def test_a_changed_file_is_a_changed_file_whether_sealed_or_not(tmp_path: Path) -> None:
    seal = Seal(bytes(32))
    store = EvidenceStore(tmp_path / "evidence", seal=seal)
    digest = store.put_text("let T = T")
    path = next((tmp_path / "evidence").glob("*/*.txt"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert store.fault(digest, ".txt").endswith("was changed since it was written")
    assert store.put_text("let T = T") == digest and store.text(digest) == "let T = T"
    ledger = Ledger(tmp_path / "case" / "calls", seal)
    ledger.record("0" * 64, PaidCall(model="m", text="secret words"))
    assert b"secret words" not in (tmp_path / "case" / "calls" / f"{'0' * 64}.json").read_bytes()
    found = ledger.find("0" * 64).call
    assert found is not None and found.text == "secret words"


def test_a_host_seals_its_own_checkpoints() -> None:
    serializer = checkpoint_serializer(bytes(32))
    kind, content = serializer.dumps_typed({"question": "who is jdoe?"})
    assert content.startswith(MARK) and b"jdoe" not in content
    assert serializer.loads_typed((kind, content)) == {"question": "who is jdoe?"}
    with pytest.raises(OperatorError, match="sealed"):
        checkpoint_serializer().loads_typed((kind, content))
