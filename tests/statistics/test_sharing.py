"""Encryption over a share: by the ending that documents get, and the notes beside them."""

from __future__ import annotations

import pytest

from .rows import Row, at, levels

SHARED, SEVERAL = "stat-files-encrypted-over-share", "stat-one-new-ending-on-several-hosts"
REWRITTEN = "stat-share-rewritten-beside-notes"
KINDS = ("docx", "xlsx", "pdf", "csv")


def written(i: int, action: str, name: str, before: str = "", host: str = "fs1", by: str = "System") -> Row:
    folder = rf"D:\Shares\team{i % 5}"
    return at(i * 3.0, DeviceName=host, ActionType=action, FileName=name, PreviousFileName=before,
              FolderPath=rf"{folder}\{name}", InitiatingProcessFileName=by, InitiatingProcessId=4,
              RequestAccountName="ana" if by == "System" else "",
              RequestSourceIP="10.0.0.9" if by == "System" else "")  # fmt: skip


def turned(count: int, ending: str, *, kinds: tuple[str, ...] = KINDS, hosts: int = 1, by: str = "System") -> list[Row]:
    names = [f"plan{i}.{kinds[i % len(kinds)]}" for i in range(count)]
    return [written(i, "FileRenamed", f"{name}.{ending}", name, f"fs{i % hosts}", by) for i, name in enumerate(names)]


@pytest.mark.parametrize(("rows", "expected"), [
    (turned(12, "kq7z"), {SHARED: "high"}),
    (turned(11, "kq7z"), {}),
    (turned(19, "kq7z", kinds=("docx",)), {}),
    (turned(20, "kq7z", kinds=("docx",)), {SHARED: "high"}),
    (turned(40, "bak"), {}),
    (turned(40, "pdf"), {}),
    (turned(15, "kq7z", by="app.exe"), {}),
    (turned(15, "kq7z", hosts=3, by="app.exe"), {SEVERAL: "high"}),
    ([*turned(15, "kq7z"), written(-1300, "FileCreated", "old.kq7z")], {}),
    ([*turned(15, "kq7z"), *(written(d * 28_800, "FileCreated", f"{d}.kq7z") for d in range(1, 4))], {}),
])  # fmt: skip
def test_documents_get_a_new_ending(rows: list[Row], expected: dict[str, str]) -> None:
    assert levels("DeviceFileEvents", rows) == expected


def test_documents_are_replaced_by_others() -> None:
    names = [f"plan{i}.{KINDS[i % 4]}" for i in range(15)]
    rows = [written(i, "FileCreated", f"{name}.kq7z") for i, name in enumerate(names)]
    assert levels("DeviceFileEvents", rows) == {}
    rows += [written(i, "FileDeleted", name) for i, name in enumerate(names)]
    assert levels("DeviceFileEvents", rows) == {SHARED: "high"}


@pytest.mark.parametrize(("note", "folders", "expected"), [
    ("how_to_restore.txt", 4, {REWRITTEN: "high"}), ("how_to_restore.txt", 2, {}), ("minutes.docx", 4, {}),
])  # fmt: skip
def test_documents_are_rewritten_beside_notes(note: str, folders: int, expected: dict[str, str]) -> None:
    rows = [written(i, "FileModified", f"plan{i}.{KINDS[i % 2]}") for i in range(20)]
    rows += [written(i, "FileCreated", note) for i in range(folders)]
    assert levels("DeviceFileEvents", rows) == expected
