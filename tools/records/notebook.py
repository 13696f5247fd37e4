"""The report as a Jupyter notebook that asks the workspace again for what each finding cites."""

from __future__ import annotations

import json
from collections.abc import Iterator

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from soc_analyst.state.findings import Finding
from soc_analyst.state.report import Report
from soc_analyst.tools.evidence.rows import row_digest

from .reproducing import Citation, Ground, Uncited, citations_of
from .safe_text import inert_markdown

__all__ = ["as_notebook"]

CHECK = '''
def check(finding, table, found, cited):
    """Compare the rows that came back with those that the finding cites."""
    back = found.digests
    missing, more = len(set(cited) - set(back)), len(set(back) - set(cited))
    told = "reproduced" if found.allowed and not missing and not more else f"differs: {missing} missing, {more} more"
    checks.append((finding, table, len(set(cited)), len(set(back)), told))
    return found
'''.strip()
TALLY = """
for finding, table, cited, back, told in checks:
    print(f"{finding}  {table}: {cited} cited, {back} came back, {told}")
whole = sum(told == "reproduced" for *_, told in checks)
print(f"{whole} of {len(checks)} queries returned exactly the rows that the report cites.")
""".strip()


def as_notebook(report: Report, ground: Ground) -> str:
    """Return the notebook as JSON, without results; the same for the same report. Texts from logs stay inert."""
    cells = [_text("verdict", "\n\n".join(_verdict(report))), _code("setup", _setup(ground))]
    for number, finding in enumerate(report.findings, 1):
        cells += _of_finding(number, finding, report, ground)
    cells += [_text("tally", "## What came back"), _code("tally-code", TALLY)]
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook = new_notebook(cells=cells, metadata=metadata)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    return json.dumps(notebook, indent=1, ensure_ascii=True, sort_keys=True) + "\n"


def _verdict(report: Report) -> Iterator[str]:
    yield f"# {report.outcome.replace('_', ' ').capitalize()}: {inert_markdown(report.question)}"
    yield inert_markdown(report.summary)
    window = f"{report.window.start:%Y-%m-%d %H:%M:%S} to {report.window.end:%Y-%m-%d %H:%M:%S} UTC"
    yield f"Case {inert_markdown(report.thread_id)}, window {window}; {report.proof}."
    yield "\n".join(f"> {inert_markdown(warning)}  " for warning in report.warnings)
    yield (
        "The cells below ask the workspace again for the rows that each finding cites, through the same guard, and "
        "compare what comes back with the report. Set `WORKSPACE` to look into another copy of the same logs."
    )


def _setup(ground: Ground) -> str:
    """Return the cell that opens the workspace."""
    options = [f"workspace=WORKSPACE, now={ground.now.isoformat()!r}" if ground.now else "workspace=WORKSPACE"]
    if ground.policy_file is not None:
        options.append(f"policy={_literal(str(ground.policy_file))}")
    lines = [
        "from soc_analyst import Context, query",
        "",
        f"WORKSPACE = {_literal(ground.workspace)}",
        f"context = Context({', '.join(options)})",
        "checks = []",
        "",
        "",
        CHECK,
    ]
    return "\n".join(lines)


def _of_finding(number: int, finding: Finding, report: Report, ground: Ground) -> Iterator[NotebookNode]:
    yield _text(f"finding-{number}", "\n\n".join(_told(number, finding)))
    for at, found in enumerate(citations_of(finding, report, ground), 1):
        name = f"finding-{number}-{at}"
        yield _code(name, _asking(finding, found)) if isinstance(found, Citation) else _text(name, _reason(found))


def _told(number: int, finding: Finding) -> Iterator[str]:
    yield f"## {number}. {finding.confidence}: {inert_markdown(finding.title)}"
    yield inert_markdown(finding.description)
    facts = [finding.mitre.id and f"ATT&CK {inert_markdown(finding.mitre.description or finding.mitre.id)}"]
    facts += [f"Recommended: {', '.join(finding.recommendations)}" if finding.recommendations else ""]
    facts += [
        f"Claim {'holds' if claim.verified else 'FAILED'}: {inert_markdown(claim.statement)}"
        for claim in finding.claims
    ]
    yield "\n".join(f"- {fact}" for fact in facts if fact)


def _asking(finding: Finding, found: Citation) -> str:
    """Return the cell that asks for the rows that a finding cites of one table."""
    cited = sorted({row_digest(line) for line in found.lines})
    window = f"since={found.window.start.isoformat()!r}, until={found.window.end.isoformat()!r}"
    return "\n".join(
        [
            f"kql = {_literal(found.kql)}",
            f"cited = {cited!r}",
            f"found = query(kql, context=context, {window})",
            f"check({_literal(finding.id)}, {_literal(found.table)}, found, cited)",
        ]
    )


def _reason(found: Uncited) -> str:
    count = len(found.lines)
    rows = f"{count} row{'' if count == 1 else 's'} of {inert_markdown(found.table)}"
    return f"No query for {rows}, since {inert_markdown(found.reason)}."


def _literal(text: str) -> str:
    """Return a text as Python source in ASCII, a line of it a line; nothing in it can end the literal."""
    lines = text.splitlines(keepends=True) or [""]
    if len(lines) == 1:
        return ascii(text)
    return "\n".join(["(", *(f"    {line!a}" for line in lines), ")"])


def _text(name: str, text: str) -> NotebookNode:
    cell: NotebookNode = new_markdown_cell(text, id=name)  # type: ignore[no-untyped-call]
    return cell


def _code(name: str, source: str) -> NotebookNode:
    cell: NotebookNode = new_code_cell(source, id=name)  # type: ignore[no-untyped-call]
    return cell
