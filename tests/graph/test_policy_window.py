"""A table that policy shows for a shorter time is never reported as empty for the part that nobody looked at."""

from pathlib import Path

from soc_analyst import Context, ahunt

from .workspace import process, write


async def test_silence_of_a_table_seen_in_part_is_not_absence(tmp_path: Path) -> None:
    rows = [process(1 + n, "ws-1", "powershell.exe -enc SQBFAFgA" if n > 300 else "notepad.exe") for n in range(400)]
    write(tmp_path / "logs", "DeviceProcessEvents", rows)
    policy = tmp_path / "policy.yaml"
    policy.write_text("tables:\n  DeviceProcessEvents: {max_window_days: 0.125}\n")
    whole = Context(workspace=str(tmp_path / "logs"), data_dir=tmp_path / "home")
    cut = whole.model_copy(update={"policy": policy})
    question = "Anything suspicious on host ws-1 in the last day?"
    seen = await ahunt(question, context=whole)
    assert all(entry.seen_from is None for entry in seen.coverage)
    assert not any("is seen from" in warning for warning in seen.warnings)
    report = await ahunt(question, context=cut)
    entry = next(entry for entry in report.coverage if entry.table == "DeviceProcessEvents")
    assert entry.seen_from is not None
    assert report.window.start < entry.seen_from < report.window.end
    assert entry.rows_in_window is not None
    assert entry.rows_in_window < 200
    assert "seen from" in entry.note
    assert any("DeviceProcessEvents is seen from" in warning for warning in report.warnings)
    assert report.outcome == "could_not_look"
