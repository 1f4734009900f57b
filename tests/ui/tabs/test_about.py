"""What the page says of itself is read from the model that runs."""

import json
import re
import xml.etree.ElementTree as ET

import pytest

from percov2_demo.checkpoints.folders import EMBEDDED_MODEL, read_manifest, source_licences
from percov2_demo.ui.pictures import picture_path
from percov2_demo.ui.server.cleaning import CLEANING_SECONDS, FILE_LIFETIME_SECONDS
from percov2_demo.ui.tabs.about import CITATIONS, LIBRARIES, about_html
from tests.ui.fakes import FakePipeline


MANIFEST = {
    "identity": "07" * 32,
    "parameters": {"transformer": 1_000_000, "a <new> part": 234_567},
    "training": {"flow": {"step": 4_321, "seconds": 600.0}},
    "photos": 1_234,
    "sources": {"clothing": 1_000, "a <new> source": 234},
    "date": "2031-05-06",
}


@pytest.fixture
def fake(tmp_path):
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST))
    fake = FakePipeline(description="A model <for> tests.")
    fake.name_or_path = str(tmp_path)
    return fake


def test_the_manifest_is_shown(fake):
    html = about_html(fake)
    for text in ("A model &lt;for&gt; tests.", "1,234,567", "4,321 steps, 10 min", "1,234 photos", "2031-05-06"):
        assert text in html
    assert "8×8 tokens of 256, strength 1" in html
    assert "07" * 8 in html
    assert re.search(r">clothing</th><td>1,000</td><td>CC0 1.0<", html)
    assert re.search(r">a &lt;new&gt; source</th><td>234</td><td>not known here<", html)
    assert "a &lt;new&gt; part" in html


def test_a_model_without_entropy_models_and_estimate_tells_of_neither(fake):
    fake.has_entropy_models, fake.has_estimate, fake.painter = False, False, "diffusion U-Net"
    html = about_html(fake)
    assert "8×8 tokens of 256<" in html
    assert "no entropy model here" in html
    assert "A diffusion U-Net paints" in html
    assert "<svg" in about_html(FakePipeline())
    assert "<svg" not in html


def test_a_manifest_of_other_weights_is_not_shown(fake):
    fake.identity = "08" * 32
    html = about_html(fake)
    assert "1,234" not in html
    assert "without a manifest" in html
    assert read_manifest(None, fake.identity) is None


def test_what_happens_to_photos_is_what_the_page_is_built_with(fake):
    html = about_html(fake)
    assert f"within {CLEANING_SECONDS} seconds of being {FILE_LIFETIME_SECONDS // 60} minutes old" in html


def test_libraries_have_versions(fake):
    html = about_html(fake)
    for name in LIBRARIES:
        assert re.search(rf"<dt>{name}</dt><dd>\d+\.", html)


def test_citations():
    entries = re.findall(r"@\w+\{(\w+),", CITATIONS.read_text("utf-8"))
    assert entries == ["koerber2025percov2", "koerber2024percosd", "careil2024perco"]


def test_the_diagram_is_told_to_screen_readers_and_takes_the_pages_colours():
    diagram = ET.parse(picture_path("codec")).getroot()
    assert diagram.get("role") == "img" and diagram.get("aria-label")
    assert not diagram.findall(".//*[@id]")
    fills = {element.get("fill") for element in diagram.iter()}
    assert {"var(--spatial)", "var(--caption)", "var(--container)", "var(--body-text-color)"} <= fills


def test_the_embedded_models_sources_are_known():
    manifest = json.loads((EMBEDDED_MODEL / "manifest.json").read_text())
    assert set(manifest["sources"]) <= set(source_licences())
    assert read_manifest(EMBEDDED_MODEL, manifest["identity"]) == manifest
