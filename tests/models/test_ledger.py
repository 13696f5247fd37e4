"""A paid answer is on disk before it is used, whole or not at all, and is found again."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_analyst.state.report import Usage
from soc_analyst.tools.models.ledger import Found, Ledger, PaidCall, request_key

KEY = request_key({"model": "openai:gpt-5-mini", "system": "You plan.", "user": "What happened?"})
CALL = PaidCall(
    model="openai:gpt-5-mini",
    text='{"summary":"Nothing “new”"}',
    finish="stop",
    input_tokens=900,
    output_tokens=40,
    usd=0.0003,
)

CRASHING = """
import sys
from pathlib import Path
from soc_analyst.state.report import Usage
from soc_analyst.tools.models.ledger import Ledger, PaidCall, request_key
ledger = Ledger(Path(sys.argv[1]))
for n in range(100000):
    ledger.record(request_key({"n": n}), PaidCall(model="m", text="x" * (n * 37 % 20000), output_tokens=n))
    print(n, flush=True)
"""


def test_an_answer_is_found_again_in_another_run(tmp_path: Path) -> None:
    assert Ledger(tmp_path / "calls").find(KEY) == Found(None)
    Ledger(tmp_path / "calls").record(KEY, CALL)
    assert Ledger(tmp_path / "calls").find(KEY) == Found(CALL)


def test_a_resumed_run_has_the_usage_of_one_that_was_not_cut_off(tmp_path: Path) -> None:
    whole = Usage().with_calls([CALL.exchange(node="planner", prompt="plan@1f")])
    Ledger(tmp_path).record(KEY, CALL)
    found = Ledger(tmp_path).find(KEY).call
    assert found is not None
    again = found.exchange(node="planner", prompt="plan@1f", paid=False)
    assert not again.paid
    assert Usage().with_calls([again]) == whole
    assert whole.usd == CALL.usd


def test_only_its_owner_can_read_it_and_nothing_of_the_request_is_in_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "calls")
    ledger.record(KEY, CALL)
    (file,) = ledger.folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(ledger.folder.stat().st_mode) == 0o700
    assert "What happened?" not in file.read_text("utf-8")
    assert "You plan." not in file.read_text("utf-8")


def test_the_key_depends_on_each_part_and_on_no_order() -> None:
    parts = {"model": "m", "user": "u", "max_output_tokens": 100}
    assert request_key(parts) == request_key(dict(reversed(parts.items())))
    others = [{**parts, "user": "v"}, {**parts, "max_output_tokens": 101}, {"model": "m", "user": "u"}]
    assert len({request_key(parts), *map(request_key, others)}) == 4


def test_a_file_torn_at_any_byte_is_said_and_not_used(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.record(KEY, CALL)
    file = tmp_path / f"{KEY}.json"
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        found = ledger.find(KEY)
        assert found.call is None
        assert found.said == (f"The paid call {KEY}.json is torn or not ours; the model is asked again.",)
    file.write_bytes(whole)
    assert ledger.find(KEY) == Found(CALL)


def test_a_file_with_any_byte_altered_never_gives_another_answer(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.record(KEY, CALL)
    file = tmp_path / f"{KEY}.json"
    whole = file.read_bytes()
    for at in range(len(whole)):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert ledger.find(KEY).call in (None, CALL)


@pytest.mark.parametrize(
    "content",
    [b"", b"null", b"[]", b"{}", b'{"call": 1}', b"\xff\xfe", b"[" * 100_000, b'{"format":1}', b"9" * 5000],
)
def test_a_foreign_file_is_said_and_not_used(tmp_path: Path, content: bytes) -> None:
    (tmp_path / f"{KEY}.json").write_bytes(content)
    found = Ledger(tmp_path).find(KEY)
    assert found.call is None
    assert found.said


def test_an_answer_under_another_name_is_not_used(tmp_path: Path) -> None:
    ledger, other = Ledger(tmp_path), request_key({"user": "other"})
    ledger.record(KEY, CALL)
    (tmp_path / f"{KEY}.json").rename(tmp_path / f"{other}.json")
    assert ledger.find(other).call is None


def test_a_folder_in_a_files_place_is_said(tmp_path: Path) -> None:
    (tmp_path / f"{KEY}.json").mkdir()
    found = Ledger(tmp_path).find(KEY)
    assert found.call is None
    assert "cannot be read" in found.said[0]


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "A" * 64, "0" * 63])
def test_a_key_is_a_hash(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        Ledger(tmp_path).find(key)


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(), max_size=200), st.text(st.characters(), max_size=40))
def test_any_text_is_kept_as_it_came(tmp_path_factory: pytest.TempPathFactory, text: str, refusal: str) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("calls"))
    call = PaidCall(model="m", text=text, refusal=refusal)
    ledger.record(KEY, call)
    assert ledger.find(KEY) == Found(call)
    assert ledger.find(KEY).call == PaidCall(model="m", text=text, refusal=refusal)


def test_half_characters_that_json_can_spell_are_replaced() -> None:
    assert PaidCall(model="m", text=json.loads('"a\\ud800b"')).text == "a\ufffdb"


def _write_all(folder: str, who: int) -> None:
    ledger = Ledger(Path(folder))
    for n in range(40):
        ledger.record(request_key({"n": n}), PaidCall(model=f"writer-{who}", text=str(who) * 5_000, output_tokens=n))


def test_processes_that_write_at_once_leave_whole_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))  # for the writers, which import this module
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_all, args=(str(tmp_path), who)) for who in range(3)]
    for writer in writers:
        writer.start()
    ledger = Ledger(tmp_path)
    while any(writer.is_alive() for writer in writers):
        for n in range(40):
            found = ledger.find(request_key({"n": n}))
            assert found.said == ()
            assert found.call is None or set(found.call.text) == {found.call.model[-1]}
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert all(ledger.find(request_key({"n": n})).call for n in range(40))


@pytest.mark.parametrize("last", [0, 7, 31])
def test_what_was_recorded_outlives_a_kill(tmp_path: Path, last: int) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", CRASHING, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        done = -1
        while done < last:
            done = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
    ledger = Ledger(tmp_path)
    for n in range(done + 1):
        found = ledger.find(request_key({"n": n}))
        assert found.call is not None
        assert found.call.output_tokens == n
    assert all(ledger.find(file.stem).said == () for file in tmp_path.glob("[0-9a-f]*.json"))
