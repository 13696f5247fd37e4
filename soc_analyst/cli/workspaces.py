"""`workspace generate` and `workspace import`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from soc_analyst.state.errors import OperatorError

__all__ = ["app"]

app = typer.Typer(help="Make or fill a folder of log tables.", no_args_is_help=True)


@app.command()
def generate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    rows: Annotated[int, typer.Option(min=1_000, max=1_000_000_000, help="Rows in all tables together.")] = 60_000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same bytes.")] = 7,
) -> int:
    """Make a synthetic tenant: two weeks in all tables, with planted incidents and their ground truth."""
    from soc_analyst.tools.logs.sample import generate as make

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OperatorError("is not empty; name a new folder", where=str(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        make(folder, rows=rows, seed=seed)
    except OSError as error:
        raise OperatorError(f"cannot be written: {error.strerror}", where=str(folder)) from error
    sys.stdout.write(f"{folder}: {rows:,} rows, seed {seed}; what was planted is in {folder / 'truth.json'}\n")
    return 0


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The workspace folder to fill.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Parquet, CSV or JSONL, plain or gzip.")],
) -> int:
    """Load files as tables of a workspace folder."""
    from soc_analyst.tools.logs.importing import import_files

    for line in import_files(folder, files).lines():
        sys.stdout.write(f"{line}\n")
    return 0
