"""Exports for machines: what the standards' own readers take, whatever the rows say."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import stix2
from hypothesis import given, settings
from hypothesis import strategies as st
from mitreattack.navlayers import Layer

from soc_analyst import Context, Report, ahunt
from soc_analyst.state.errors import OperatorError
from soc_analyst.tools.records.formats import Format, rendered
from soc_analyst.tools.records.indicator_kinds import kind_of
from soc_analyst.tools.records.stix import TLP
from tests.graph.workspace import END, small

from .test_reports import HOSTILE, report


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of a real hunt."""
    import asyncio

    folder = tmp_path_factory.mktemp("exports")
    context = Context(workspace=str(small(folder / "logs")), data_dir=folder / "home", now=END)
    return asyncio.run(ahunt("Anything suspicious on host ws-1 in the last day?", context=context, thread_id="case-1"))


def objects(bundle: str) -> list[Any]:
    return list(stix2.parse(bundle).objects)


def test_the_bundle_holds_what_was_found(found: Report) -> None:
    told = objects(rendered(found, Format.stix, tlp="amber"))
    kinds = {one["type"] for one in told}
    assert kinds >= {"identity", "indicator", "attack-pattern", "observed-data", "sighting", "relationship", "report"}
    techniques = {one["external_references"][0]["external_id"] for one in told if one["type"] == "attack-pattern"}
    assert techniques == {finding.mitre.id for finding in found.findings if finding.mitre.id}
    patterns = {one["pattern"] for one in told if one["type"] == "indicator"}
    assert any("203.0.113.77" in pattern for pattern in patterns)
    marked = [one for one in told if one["type"] != "marking-definition"]
    assert all(one["object_marking_refs"] == [stix2.TLP_AMBER["id"]] for one in marked)
    assert {"user-account", "ipv4-addr"} & {one["type"] for one in marked}


def test_an_export_is_the_same_each_time(found: Report) -> None:
    for form in Format:
        assert rendered(found, form) == rendered(found, form)


def test_every_reference_leads_to_an_object(found: Report) -> None:
    bundle = json.loads(rendered(found, Format.stix, tlp="green"))
    ids = {one["id"] for one in bundle["objects"]}
    for one in bundle["objects"]:
        for name, value in one.items():
            if name.endswith("_ref"):
                assert value in ids
            if name.endswith("_refs"):
                assert set(value) <= ids


@pytest.mark.parametrize("mark", ["", *TLP, "AMBER"])
def test_a_marking_is_one_of_the_four(found: Report, mark: str) -> None:
    assert objects(rendered(found, Format.stix, tlp=mark))
    with pytest.raises(OperatorError, match="--tlp"):
        rendered(found, Format.stix, tlp="purple")


def test_the_navigator_reads_the_layer(found: Report, tmp_path: Path) -> None:
    path = tmp_path / "layer.json"
    path.write_text(rendered(found, Format.navigator))
    layer = Layer()
    layer.from_file(str(path))
    scores = {one.techniqueID: one.score for one in layer.layer.techniques}
    assert scores.keys() == {finding.mitre.id for finding in found.findings if finding.mitre.id}
    assert max(scores.values()) == 100 and layer.layer.domain == "enterprise-attack"


def test_indicators_are_raw_and_start_no_formula(found: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(rendered(found, Format.csv))))
    assert {row["indicator"] for row in rows} == {i for one in found.findings for i in one.indicators_of_compromise}
    hostile = rendered(report('=HYPERLINK("http://evil.example")'), Format.csv)
    assert all(not row["indicator"].startswith("=") for row in csv.DictReader(io.StringIO(hostile)))


@settings(max_examples=25, deadline=None)
@given(text=st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=60))
def test_hostile_text_breaks_no_export(text: str) -> None:
    made = report(text)
    assert objects(rendered(made, Format.stix))
    json.loads(rendered(made, Format.navigator))
    assert len(list(csv.reader(io.StringIO(rendered(made, Format.csv))))) == 2


@pytest.mark.parametrize(
    ("indicator", "kind"),
    [
        ("203.0.113.7", "ipv4"),
        ("2001:db8::1", "ipv6"),
        ("http://evil.example/a'b", "url"),
        ("evil.example", "domain"),
        ("d" * 64, "sha256"),
        ("a" * 32, "md5"),
        ("mallory@evil.example", "email"),
        ("powershell.exe -enc x", "other"),
    ],
)
def test_the_form_tells_the_kind(indicator: str, kind: str) -> None:
    assert kind_of(indicator) == kind


@pytest.mark.parametrize("value", ["http://evil.example/a'b\\c", "203.0.113.7", "2001:db8::1", "f" * 40])
def test_a_pattern_holds_the_value_whole(value: str) -> None:
    made = report("x")
    finding = made.findings[0].model_copy(update={"indicators_of_compromise": (value,)})
    told = objects(rendered(made.model_copy(update={"findings": (finding,)}), Format.stix))
    indicator = next(one for one in told if one["type"] == "indicator")
    assert value.replace("\\", "\\\\").replace("'", "\\'") in indicator["pattern"]
