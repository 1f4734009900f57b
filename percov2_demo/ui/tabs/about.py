"""What this is: how it works, what the model is and is not, its data, and what happens to a visitor's photo."""

import os
import platform
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from percov2_demo.checkpoints.folders import read_manifest, source_licences
from percov2_demo.presets import NOMINAL_SIDE, get_preset
from percov2_demo.ui.pictures import drawing_html
from percov2_demo.ui.render.breakdown import fields_html
from percov2_demo.ui.server.cleaning import CLEANING_SECONDS, FILE_LIFETIME_SECONDS


if TYPE_CHECKING:
    from percov2_demo.pipelines.codec import Codec

PAPER = "https://arxiv.org/abs/2503.09368"
LICENCE = "https://www.apache.org/licenses/LICENSE-2.0"
HUB = "https://huggingface.co/"

CITATIONS = Path(__file__).with_name("citations.bib")

LIBRARIES = ("gradio", "torch", "diffusers", "transformers", "constriction", "numpy", "pillow")
"""Distributions whose versions are shown."""

_SEE = (
    "<b>See less.</b> An autoencoder turns the photo into a small latent image, and a hyper-encoder that into a grid "
    "of tokens: numbers of vectors in a codebook."
)
_PREDICTED = (
    "<b>Write less.</b> An entropy model predicts tokens from those sent before, and the caption piece by piece. "
    "What it expects costs almost nothing.",
    "<b>Read the same.</b> The decoder runs the same model on what has arrived. All of it is integer arithmetic, so "
    "every machine reads the same tokens.",
)
_PACKED = (
    "<b>Write it down.</b> There is no entropy model here: every token takes the bits of its number, and the caption "
    "is compressed as any text is.",
)
_PAINT = (
    "<b>Paint.</b> A {painter} paints, step by step, a latent that agrees with tokens and caption, and the "
    "autoencoder makes pixels of it. What the file does not say is invented."
)

_NAME = (
    "<p>“PerCoV2” here is <cite>arXiv 2503.09368</cite>, on Stable Diffusion 3. Its authors later gave the same name "
    "to another system, on SANA with one-dimensional tokens: this is not that. They had published neither code nor "
    "weights of the first when this was written; this is an independent implementation and is not theirs.</p>"
)


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
    predicts = pipeline.has_entropy_models
    texts = (_SEE, *(_PREDICTED if predicts else _PACKED), _PAINT.format(painter=pipeline.painter))
    steps = "".join(f"<li>{text}</li>" for text in texts)
    # The drawing is of a codec with an entropy model.
    drawing = drawing_html("codec") if predicts else ""
    sections = (
        ("The model that runs here", _model(pipeline, manifest)),
        ("What it was trained on", _data(manifest)),
        ("Your photo", _privacy()),
        ("The name", _NAME),
        ("Versions", fields_html(_versions(), in_columns=False)),
    )
    return (
        f'<article class="about"><section class="how card{" split" if drawing else ""}" style="--side:440px">'
        f'<div><h2>How it works</h2><ol>{steps}</ol></div>{drawing}</section><div class="columns">'
        + "".join(f'<section class="card"><h3>{title}</h3>{content}</section>' for title, content in sections)
        + "</div><h3>If you use it, cite</h3></article>"
    )


def _model(pipeline: "Codec", manifest: dict[str, Any] | None) -> str:
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
    parts = ""
    if manifest is not None:
        parameters = manifest["parameters"]
        facts.append(("Parameters", f"{sum(parameters.values()):,}"))
        facts.append(("Made on", manifest["date"]))
        counts = [(name, f"{count:,}") for name, count in parameters.items()]
        stages = [
            (stage, f"{state['step']:,} steps, {state['seconds'] / 60:.0f} min")
            for stage, state in manifest["training"].items()
        ]
        parts = (
            f"<details><summary>Parameters of each part</summary>{fields_html(counts, in_columns=False)}</details>"
            f"<details><summary>Training of each stage</summary>{fields_html(stages, in_columns=False)}</details>"
        )
    return (
        f"<p>{escape(pipeline.description)}</p>{fields_html(facts, in_columns=False)}{parts}"
        "<p>It is not the paper’s model, whose flow transformer has about two billion parameters. The decoder invents "
        "what the file does not say: do not use its pictures where a picture is evidence.</p>"
    )


def _data(manifest: dict[str, Any] | None) -> str:
    if manifest is None:
        return "<p>This model does not say: it comes without a manifest.</p>"
    licences = source_licences()
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{count:,}</td>'
        f"<td>{escape(licences.get(name, 'not known here'))}</td></tr>"
        for name, count in manifest["sources"].items()
    )
    head = '<tr><th scope="col">Collection</th><th scope="col">Photos</th><th scope="col">Licence</th></tr>'
    return (
        f"<p>{manifest['photos']:,} photos of {len(manifest['sources'])} collections. Their repositories state "
        "different licences, or none, so the model is for research and demonstration. The code is under the Apache "
        "License 2.0.</p><details><summary>The collections and the licences they state</summary>"
        f"<table><thead>{head}</thead><tbody>{rows}</tbody></table></details>"
    )


def _privacy() -> str:
    return (
        "<p>It is sent to the computer that runs this app, and nowhere else: the page asks no other machine for "
        "anything, and the server none of its own accord. There are no analytics and no accounts. The runs of the "
        "tab Session are your browser tab's alone.</p>"
        "<p>There it is a file in a temporary folder, as are the pictures and streams made from it. "
        f"Each is deleted within {CLEANING_SECONDS} seconds of being {FILE_LIFETIME_SECONDS // 60} minutes old, and "
        "when the server is stopped. Until then, whoever knows its address, "
        "which holds a hash of its content, could fetch it. What a tab remembers is in memory, and forgotten at most "
        "an hour after you leave.</p>"
    )


def _versions() -> list[tuple[str, str]]:
    return [("Python", platform.python_version()), *((name, version(name)) for name in LIBRARIES)]
