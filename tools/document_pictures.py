"""The documents' pictures; `python -m tools.document_pictures` makes them, in minutes.

The contact sheets are of the photos that the page offers as examples; each carries the identity of the model that
painted it as its comment. Chromium draws the charts.
"""

import json
import subprocess
import textwrap
from pathlib import Path
from tempfile import TemporaryDirectory

import plotly.graph_objects as go

from percov2_demo import PerCoV2Pipeline
from percov2_demo.evaluation.contact_sheet import contact_sheet
from percov2_demo.images import fit_image, load_image
from percov2_demo.sampling.settings import painting_strength
from percov2_demo.sweeps import difference
from percov2_demo.training.data.edits import EDITS
from percov2_demo.training.measures.curves import draw_curves
from percov2_demo.training.measures.leverage import CONTRAST
from percov2_demo.ui.examples import example_photos
from tests.browser.conftest import CHROMIUM, FLAGS
from tools.document_tables import ROOT, SCALE, TRAINING
from tools.scale_chart import draw_scale


CURVES = TRAINING / "curves.png"
CAPTIONS = TRAINING / "captions.jpg"
CURVES_WIDTH = 1500
SCALE_CHART = ROOT / "docs" / "scale.png"
SCALE_WIDTH = 1200
NOTE_WIDTH = 36
"""Characters that fit on a line under a picture."""


def rewrites_path(preset: str) -> Path:
    """The sheet of rewritten captions at a preset."""
    return TRAINING / f"rewrites-{preset}.jpg"


def captions_sheet(pipeline: PerCoV2Pipeline) -> None:
    """What the captioner says of the examples."""
    paths = [Path(path) for path, _ in example_photos()]
    photos = [load_image(path) for path in paths]
    notes = [textwrap.fill(pipeline.caption(photo), NOTE_WIDTH) for photo in photos]
    _save(CAPTIONS, pipeline, [path.name for path in paths], [photos], [notes])


def rewrites_sheet(pipeline: PerCoV2Pipeline, preset: str) -> None:
    """The same indices under other captions, with the mean change from the picture of the photo's own caption."""
    edits = [edit.caption for edit in EDITS]
    titles = ["photo", "own caption", *CONTRAST, *(text.format("…") for text in edits)]
    rows, notes = [], []
    for path, caption in example_photos():
        photo = fit_image(load_image(path), "crop")
        stream = pipeline.compress(photo, preset)
        texts = [*CONTRAST, *(text.format(caption) for text in edits)]
        strength = painting_strength(pipeline.default_strength(preset))
        own, *others = (pipeline.decompress(stream, strength=strength, caption=text) for text in (caption, *texts))
        rows.append([photo, own, *others])
        notes.append(["", "", *(f"changes {difference(own, other).mean():.1f} of 255" for other in others)])
    _save(rewrites_path(preset), pipeline, titles, rows, notes)


def curves() -> None:
    """The curves that were kept, those of stages that are no more among them."""
    paths = sorted(TRAINING.glob("*-curve.csv"))
    _draw(draw_curves({path.stem.removesuffix("-curve"): path for path in paths}), CURVES, CURVES_WIDTH)


def scale() -> None:
    """How the cost grows."""
    _draw(draw_scale(json.loads(SCALE.read_text())), SCALE_CHART, SCALE_WIDTH)


def _draw(figure: go.Figure, path: Path, width: int) -> None:
    with TemporaryDirectory() as folder:
        page = Path(folder) / "chart.html"
        figure.write_html(page, config={"displayModeBar": False})
        options = ["--hide-scrollbars", f"--window-size={width},{figure.layout.height}"]
        subprocess.run([CHROMIUM, *FLAGS, *options, f"--screenshot={path}", page.as_uri()], check=True)


def _save(path: Path, pipeline: PerCoV2Pipeline, titles: list[str], rows: list, notes: list[list[str]]) -> None:
    contact_sheet(titles, rows, notes).save(path, quality=80, comment=pipeline.identity)


if __name__ == "__main__":
    curves()
    scale()
    model = PerCoV2Pipeline.from_pretrained()
    model.set_progress_bar_config(disable=True)
    captions_sheet(model)
    for name in model.presets:
        rewrites_sheet(model, name)
