"""What this is: how it works, what the model is and is not, its data, and what happens to a visitor's photo."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from percov2_demo.checkpoints.folders import read_manifest, source_licences
from percov2_demo.presets import NOMINAL_SIDE, get_preset
from percov2_demo.ui.server.cleaning import CLEANING_SECONDS, FILE_LIFETIME_SECONDS
from percov2_demo.ui.templates import render


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

PAPER = "https://arxiv.org/abs/2503.09368"
LICENCE = "https://www.apache.org/licenses/LICENSE-2.0"
HUB = "https://huggingface.co/"

CITATIONS = Path(__file__).with_name("citations.bib")

LIBRARIES = ("gradio", "torch", "diffusers", "transformers", "constriction", "numpy", "pillow")
"""Distributions whose versions are shown."""


def ways_out(pipeline: "Codec") -> list[tuple[str, str]]:
    """List names and addresses of what belongs to the page but is elsewhere.

    The code is linked where the page runs as a Space, and the model's card where the model is of the hub.
    """
    space, model = os.environ.get("SPACE_ID"), pipeline.name_or_path
    is_on_hub = model is not None and not Path(model).exists() and str(model).count("/") == 1
    links = [
        ("Paper", PAPER),
        ("Code", space and f"{HUB}spaces/{space}/tree/main"),
        ("Model card", is_on_hub and f"{HUB}{model}"),
        ("Licence of the code", LICENCE),
    ]
    return [(name, address) for name, address in links if address]


def create_about(pipeline: "Codec") -> None:
    """Lay the tab out in the current context."""
    gr.HTML(about_html(pipeline))
    citations = CITATIONS.read_text("utf-8").strip()
    gr.Textbox(
        citations,
        label="BibTeX",
        lines=len(citations.splitlines()),
        interactive=False,
        buttons=["copy"],
        elem_classes="citations",
    )


def about_html(pipeline: "Codec") -> str:
    """Everything but the citations, read from the model that runs."""
    manifest = read_manifest(pipeline.name_or_path, pipeline.identity)
    return render(
        "tabs/about.html",
        predicts=pipeline.has_entropy_models,
        painter=pipeline.painter,
        description=pipeline.description,
        facts=_facts(pipeline, manifest),
        origin=manifest and _origin(manifest),
        cleaning_seconds=CLEANING_SECONDS,
        lifetime_minutes=FILE_LIFETIME_SECONDS // 60,
        versions=[("Python", platform.python_version()), *((name, version(name)) for name in LIBRARIES)],
    )


def _facts(pipeline: "Codec", manifest: dict[str, Any] | None) -> list[tuple[str, str]]:
    facts = [("Identity", pipeline.identity[:16])]
    for name in pipeline.presets:
        preset = get_preset(name)
        rows, columns = preset.grid(NOMINAL_SIDE, NOMINAL_SIDE)
        value = f"{columns}×{rows} tokens of {preset.codebook_size:,}"
        strength = f", strength {pipeline.default_strength(name):g}" if pipeline.has_estimate else ""
        facts.append((name, value + strength))
    facts.append(("Longest side", f"{pipeline.max_side} pixels"))
    placement = getattr(pipeline, "placement", None)
    if placement is not None and placement.plan.name != "max":
        facts.extend(placement.facts())
    if manifest is not None:
        facts.append(("Parameters", f"{sum(manifest['parameters'].values()):,}"))
        facts.append(("Made on", manifest["date"]))
    return facts


def _origin(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return what the template tells of a model's parts, training and data."""
    licences = source_licences()
    return {
        "photos": f"{manifest['photos']:,}",
        "parameters": [(name, f"{count:,}") for name, count in manifest["parameters"].items()],
        "stages": [
            (stage, f"{state['step']:,} steps, {state['seconds'] / 60:.0f} min")
            for stage, state in manifest["training"].items()
        ],
        "sources": [
            (name, f"{count:,}", licences.get(name, "not known here")) for name, count in manifest["sources"].items()
        ],
    }
