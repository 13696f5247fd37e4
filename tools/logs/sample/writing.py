"""Writing the sample tenant into a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq

from .columns import TABLES
from .composing import compose
from .drawing import TableDraw, shares
from .truth import Truth

__all__ = ["generate"]

_SHARES = {
    "DeviceProcessEvents": 230, "DeviceNetworkEvents": 230, "DeviceLogonEvents": 80, "DeviceFileEvents": 130,
    "DeviceRegistryEvents": 100, "SigninLogs": 70, "AuditLogs": 10, "AzureActivity": 20,
    "AzureNetworkAnalytics_CL": 130, "AlertInfo": 0, "AlertEvidence": 0,
}  # fmt: skip
"""How the background divides over the tables. Alerts are planted in pairs instead."""


def generate(folder: Path, *, rows: int = 60_000, seed: int = 7) -> None:
    """Write two weeks of a synthetic company as `<Table>.parquet`, and what was planted in it as `truth.json`.

    `rows` counts all tables together; the incidents are the same at every size, so fewer rows than they need are
    raised to that. The same rows and seed give the same bytes. Memory does not grow with the rows. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stock, stories = compose()
    planted = sum(len(stock.planted[table]) for table in TABLES)
    parts = shares(max(0, rows - planted), [_SHARES[table] for table in TABLES])
    for table, part in zip(TABLES, parts, strict=True):
        _write(folder, TableDraw(table, stock.prototypes[table], stock.planted[table], part, seed))
    truth = Truth(seed=seed, rows=max(rows, planted), incidents=stories)
    (folder / "truth.json").write_text(json.dumps(truth.as_json(), indent=1) + "\n", "utf-8")


def _write(folder: Path, draw: TableDraw) -> None:
    writer = None
    target = folder / f"{draw.name}.parquet"
    try:
        for piece in draw.slices():
            # Without the Arrow schema in the file, dictionaries are read back as the plain texts they are.
            writer = writer or pq.ParquetWriter(target, piece.schema, compression="zstd", store_schema=False)
            writer.write_table(piece)
    finally:
        if writer is not None:
            writer.close()
