"""Whether what was kept of a case is what was written: each changed file by its name."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from soc_analyst.state.errors import EvidenceError
from soc_analyst.state.queries import QueryRecord
from soc_analyst.tools.evidence.store import ROWS, TEXT, EvidenceStore

from .cases import CaseFolder
from .chain import Link, digest_of

__all__ = ["faults_of_case", "faults_of_evidence", "require_whole"]

LEDGER = "ledger.jsonl"


def faults_of_case(case: CaseFolder) -> tuple[str, ...]:
    """Return what is wrong with the files of a case, a line each. Blocks."""
    return tuple(_of_case(case))


def faults_of_evidence(case: CaseFolder, store: EvidenceStore) -> tuple[str, ...]:
    """Return what is wrong with the rows and texts that the case rests on, a line each. Blocks."""
    dossier = case.dossier()
    records = () if dossier is None else dossier.records
    kept = {(digest, suffix) for record in (*records, *_kept(case)) for digest, suffix in _digests(record)}
    return tuple(fault for digest, suffix in sorted(kept) if (fault := store.fault(digest, suffix)))


def require_whole(case: CaseFolder, store: EvidenceStore) -> int:
    """Return how many files were compared; raise EvidenceError that names those that are not as they were written."""
    faults = (*faults_of_case(case), *faults_of_evidence(case, store))
    if faults:
        more = f"; and {len(faults) - 1} more" if len(faults) > 1 else ""
        raise EvidenceError(f"case {case.path.name}: {faults[0]}{more}; it proves nothing any more, hunt again")
    return len(case.chain.digests())


def _of_case(case: CaseFolder) -> Iterator[str]:
    chain = case.chain
    if not chain.path.exists():
        yield f"{LEDGER} is gone"
        return
    line = chain.broken_at()
    if line is not None:
        yield f"{LEDGER} was changed: line {line} does not follow from those before it"
        return
    written = {link.name: link for link in chain.links()}
    for name, link in written.items():
        if fault := _changed(case, link):
            yield f"{name} {fault}"
    for path in sorted((*case.path.glob("queries/*.json"), *case.calls.glob("*.json"))):
        name = path.relative_to(case.path).as_posix()
        if name not in written:
            yield f"{name} was not written by an investigation"


def _changed(case: CaseFolder, link: Link) -> str:
    try:
        content = case.content(link.name)
    except FileNotFoundError:
        return "is gone"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    except EvidenceError:
        return "was changed since it was written"
    return "" if digest_of(content) == link.digest else "was changed since it was written"


def _kept(case: CaseFolder) -> Iterator[QueryRecord]:
    for path in sorted(case.path.glob("queries/*.json")):
        try:
            yield QueryRecord.model_validate_json(case.content(f"queries/{path.name}"))
        except (OSError, ValidationError, EvidenceError):
            continue  # told as a changed file of the case


def _digests(record: QueryRecord) -> Iterator[tuple[str, str]]:
    if record.rows_digest:
        yield record.rows_digest, ROWS
    if record.kql_digest:
        yield record.kql_digest, TEXT
