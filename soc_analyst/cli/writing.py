"""A report written where it is wanted, in the format that is wanted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.records.formats import Format

from .options import data_at

if TYPE_CHECKING:
    from soc_analyst.state.report import Report
    from soc_analyst.tools.records.reproducing import Ground

__all__ = ["write"]


def write(found: Report, format: Format, out: Path | None, tlp: str, root: Path) -> None:
    """Write a report to a file, to standard output, or as one file a rule into a folder."""
    from soc_analyst.tools.files import write_atomically
    from soc_analyst.tools.records.formats import rendered

    ground = _ground(found.thread_id, root) if format.asks_again else None
    if format == Format.sentinel_rule and ground is not None and out is not None and _is_folder(out):
        files: dict[Path | None, str] = dict(_rule_files(found, ground, out))
    else:
        files = {out: rendered(found, format, tlp=tlp, ground=ground)}
    for path, text in files.items():
        if path is None:
            sys.stdout.write(text)
            continue
        try:
            write_atomically(path, text.encode())
        except OSError as error:
            raise OperatorError(f"cannot be written: {error.strerror}", where=str(path)) from error


def _is_folder(out: Path) -> bool:
    return out.is_dir() or not out.suffix


def _rule_files(found: Report, ground: Ground, out: Path) -> Iterator[tuple[Path | None, str]]:
    """Yield a file for each analytics rule; say which findings have none."""
    from soc_analyst.tools.records.sentinel_rules import analytics_rules

    rules, without = analytics_rules(found, ground)
    sys.stderr.writelines(f"soc-analyst: note: no rule for {one.line}\n" for one in without)
    sys.stderr.write(f"{len(rules)} analytics rule{'' if len(rules) == 1 else 's'} for {out}\n")
    for rule in rules:
        yield out / f"{rule.name}.yaml", rule.text


def _ground(thread: str, root: Path) -> Ground:
    from soc_analyst.graph.desk.grounds import ground_of

    return ground_of(thread, data_at(root))
