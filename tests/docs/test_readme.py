import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SET_UP_AND_TEST = "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest"


def test_the_readme_is_short_and_its_test_command_is_what_ci_runs() -> None:
    assert len(README.splitlines()) <= 150
    assert SET_UP_AND_TEST in README
    steps = (ROOT / ".ci" / "run").read_text()
    set_up, _, test = SET_UP_AND_TEST.rpartition(" && ")
    assert 0 < steps.index(set_up) < steps.index(f"\n{test} ")


def test_every_link_of_the_documents_leads_somewhere() -> None:
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")]:
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_decisions_are_short() -> None:
    for decision in (ROOT / "docs" / "decisions").glob("*.md"):
        assert len(decision.read_text().splitlines()) <= 60, decision.name
