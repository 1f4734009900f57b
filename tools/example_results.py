"""What the embedded model makes of the page's examples, in small; `python -m tools.example_results` paints them.

They stand on the page before a visitor has pressed anything, at the model's default settings, under its identity: a
page with other weights does not show them.
"""

import json
from pathlib import Path

from PIL import Image

from percov2_demo import PerCoV2Pipeline
from percov2_demo.images import fit_image, load_image
from percov2_demo.training.data.edits import EDITS
from percov2_demo.ui.examples import RESULTS, example_photos


WIDTH = 256
"""Pixels: the page shows them in some 180 on a desktop, and all of them come with its first answer."""

REWRITTEN = "lion"
"""The example that is painted under other captions too."""


def save(picture: Image.Image, name: str) -> str:
    """Write a picture in small and return its file's name."""
    small = picture.copy()
    small.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    small.save(RESULTS / name, "WEBP", quality=70, method=6)
    return name


def paint(pipeline: PerCoV2Pipeline, path: Path, caption: str) -> list[dict[str, str | int]]:
    """Write an example's pictures; return what the page says of each."""
    photo = fit_image(load_image(path), "native", pipeline.max_side)
    row = [{"size": path.stat().st_size, "preset": "", "picture": save(photo, f"{path.stem}.webp")}]
    for preset in reversed(pipeline.presets):
        stream = pipeline.compress(photo, preset=preset, caption=caption)
        picture = pipeline.decompress(stream, num_inference_steps=pipeline.default_steps)
        name = save(picture, f"{path.stem}-{preset}.webp")
        row.append({"size": len(stream.to_bytes()), "preset": preset, "picture": name})
    return row


def rewrite(pipeline: PerCoV2Pipeline, path: Path, caption: str) -> list[dict[str, str]]:
    """Write pictures of an example's indices under its own caption and those that name an edit."""
    photo = fit_image(load_image(path), "native", pipeline.max_side)
    stream = pipeline.compress(photo, preset=pipeline.presets[-1])
    captions = {"own": caption} | {edit.name: edit.caption.format(caption) for edit in EDITS}
    return [
        {
            "caption": text,
            "picture": save(pipeline.decompress(stream, caption=text), f"{path.stem}-{name.replace(' ', '-')}.webp"),
        }
        for name, text in captions.items()
    ]


def main() -> None:
    """Paint all examples."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    pipeline = PerCoV2Pipeline.from_pretrained()
    pipeline.set_progress_bar_config(disable=True)
    examples = [(Path(path), caption) for path, caption in example_photos()]
    rows = [paint(pipeline, path, caption) for path, caption in examples]
    rewritten = next(rewrite(pipeline, path, caption) for path, caption in examples if path.stem == REWRITTEN)
    document = {"model": pipeline.identity, "examples": rows, "rewritten": rewritten}
    (RESULTS / "examples.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
