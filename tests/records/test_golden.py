"""Kept reports: in every format as they were, and as its readers want them; `make golden` rewrites them."""

from __future__ import annotations

import ast
import csv
import io
import re
from pathlib import Path

import nbformat
import pytest
import stix2
import yaml
from mitreattack.navlayers import Layer

from soc_analyst.tools.kql import parse
from soc_analyst.tools.records.formats import Format
from soc_analyst.tools.records.reproducing import ran_of

from .golden_reports import CASES, golden, kept, path_of

ATTACK, BENIGN, BLIND, PIVOT = CASES


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("case", CASES)
def test_a_report_is_written_as_it_was(case: str, form: Format) -> None:
    found, told = golden(kept(case), form), path_of(case, form).read_bytes().decode()
    assert found == told, f"{path_of(case, form)} differs; `make golden` rewrites it, then look at the difference"


def test_the_kept_cases_are_of_all_kinds() -> None:
    assert [kept(case).outcome for case in CASES] == ["confirmed", "benign", "could_not_look", "confirmed"]
    assert any(query.round > 1 for query in kept(PIVOT).queries)


@pytest.mark.parametrize("case", CASES)
def test_a_kept_bundle_is_what_the_library_reads(case: str) -> None:
    bundle = stix2.parse(path_of(case, Format.stix).read_text(), allow_custom=False)
    kinds = [one["type"] for one in bundle.objects]
    assert {"report", "identity", "marking-definition"} <= set(kinds)
    found = {finding.mitre.id for finding in kept(case).findings if finding.mitre.id}
    assert kinds.count("attack-pattern") == len(found)


@pytest.mark.parametrize("case", CASES)
def test_a_kept_layer_is_what_the_reader_of_mitre_takes(case: str) -> None:
    layer = Layer()
    layer.from_file(str(path_of(case, Format.navigator)))
    found = {finding.mitre.id for finding in kept(case).findings if finding.mitre.id}
    assert {one.techniqueID for one in layer.layer.techniques or ()} == found


@pytest.mark.parametrize("case", CASES)
def test_a_kept_notebook_is_valid_and_its_cells_are_python(case: str) -> None:
    made = nbformat.read(path_of(case, Format.notebook), as_version=4)
    nbformat.validate(made)
    cells = [ast.parse(cell.source) for cell in made.cells if cell.cell_type == "code"]
    assert len(cells) >= 2 + len(kept(case).findings)


@pytest.mark.parametrize("case", CASES)
def test_a_kept_pack_is_canonical_and_a_kept_list_is_a_table(case: str) -> None:
    parts = path_of(case, Format.kql).read_text().strip().split("\n\n")
    texts = ["\n".join(line for line in part.splitlines() if not line.startswith("//")) for part in parts]
    assert all(ran_of(text) and parse(text).tree for text in texts if text)
    rows = list(csv.DictReader(io.StringIO(path_of(case, Format.csv).read_text())))
    assert [row["indicator"].lstrip("'") for row in rows] == [
        value for finding in kept(case).findings for value in finding.indicators_of_compromise
    ]


@pytest.mark.parametrize("case", CASES)
def test_kept_rules_are_of_confirmed_findings_alone(case: str) -> None:
    text = path_of(case, Format.sentinel_rule).read_text()
    rules = [one for one in yaml.safe_load_all(text) if one]
    assert all(rule["kind"] == "Scheduled" for rule in rules)
    told = set(re.findall(r"^# (?:Of finding|No rule for) (f-[0-9a-f]+)", text, re.MULTILINE))
    assert told == {finding.id for finding in kept(case).confirmed}
    assert bool(rules) is ("# Of finding" in text)


def test_nothing_is_kept_that_no_format_writes() -> None:
    known = {path_of(case, form) for case in CASES for form in Format}
    assert set(Path(path_of(ATTACK, Format.json)).parents[1].glob("*/*")) == known
