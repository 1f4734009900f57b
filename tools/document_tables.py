"""Write the documents' tables from the committed results: `python -m tools.document_tables`."""

import csv
import json
import re
from pathlib import Path
from statistics import fmean

from percov2_demo.checkpoints.folders import source_licences
from percov2_demo.presets import NOMINAL_SIDE, PRESETS
from percov2_demo.sampling.settings import OWN, Sampling


ROOT = Path(__file__).parent.parent
MODEL = ROOT / "assets" / "model"
DOCUMENTS = (ROOT / "README.md", MODEL / "README.md", *sorted(ROOT.glob("docs/*.md")))
RESULTS = ROOT / "assets" / "results" / "kodak"
REFINEMENT = ROOT / "assets" / "results" / "refinement"
TRAINING = ROOT / "assets" / "results" / "training"
SCALE = ROOT / "assets" / "results" / "bench" / "scale.json"
METRICS = ("psnr", "ms_ssim", "deep_distance", "deep_realism", "set_realism", "colour_shift")


def rows(name: str, folder: Path = RESULTS) -> list[dict[str, str]]:
    with (folder / name).open() as file:
        return list(csv.DictReader(file))


def manifest() -> dict:
    return json.loads((MODEL / "manifest.json").read_text())


def table(head: list[str], lines: list[list[str]]) -> str:
    parts = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(part) + " |" for part in parts)


def results() -> str:
    """Every measured setting of the decoder, and the autoencoder alone."""
    summary = json.loads((RESULTS / "summary.json").read_text())
    strengths = summary["settings"]["default_strength"]
    lines = []
    for row in rows("summary.csv"):
        strength = float(row["strength"])
        is_default = strength == strengths[row["preset"]]
        lines.append(
            [
                f"`{row['preset']}`",
                "the estimate" if strength == 0 else f"{strength:g}, {row['steps']} steps",
                *(row[name] for name in ("file_bytes", "payload_bpp")),
                *(
                    f"**{row[name]}**" if is_default and row["steps"] == str(Sampling.steps) else row[name]
                    for name in METRICS
                ),
            ]
        )
    for name, figures in (("autoencoder alone", summary["autoencoder"]), ("originals", summary["originals"])):
        lines.append([name, "", "", "", *(str(figures.get(metric, "")) for metric in METRICS)])
    head = ["preset", "strength", "file, bytes", "payload, bpp", "PSNR, dB", "MS-SSIM", "deep distance"]
    return table([*head, "deep realism", "as a set", "colour shift"], lines)


def presets() -> str:
    """The points on the rate axis."""
    lines = []
    for preset in PRESETS.values():
        grid = "×".join(map(str, preset.grid(NOMINAL_SIDE, NOMINAL_SIDE)))
        size = preset.index_bytes(NOMINAL_SIDE, NOMINAL_SIDE)
        lines.append([f"`{preset.name}`", grid, str(preset.codebook_size), str(size), f"{preset.nominal_bpp:.5f}"])
    head = ["preset", "grid at 512×512", "codebook", "index bytes, packed", "nominal bpp"]
    return table(head, lines)


def summary() -> str:
    """The default setting of each preset, and JPEG 2000 in the same bytes."""
    ours = {row["preset"]: row for row in reversed(rows("summary.csv"))}
    theirs = {row["preset"]: row for row in rows("baselines/summary.csv") if row["codec"] == "jpeg2000"}
    metrics = [name for name in METRICS if name != "set_realism"]
    lines = []
    for preset, row in reversed(ours.items()):
        size = [row["file_bytes"], row["payload_bpp"]]
        lines.append([f"`{preset}`", "PerCoV2 Explorer", *size, *(row[name] for name in metrics)])
        other = theirs[preset]
        lines.append(["", "JPEG 2000", other["file_bytes"], "", *(other[name] for name in metrics)])
    head = ["preset", "codec", "file, bytes", "payload, bpp", "PSNR, dB", "MS-SSIM", "deep distance", "deep realism"]
    return table([*head, "colour shift"], lines)


def codings() -> str:
    lines = [
        [
            f"`{row['preset']}`",
            row["entropy"],
            *(row[name] for name in ("index_bits", "spatial_bytes", "saving", "caption_bytes", "file_bytes")),
            f"{float(row['encode_seconds']):.2f}",
            f"{float(row['decode_seconds']):.2f}",
        ]
        for row in rows("codings.csv")
    ]
    head = ["preset", "coding", "ideal bits", "index bytes", "saving, %", "caption bytes", "file bytes"]
    return table([*head, "encoding, s", "decoding, s"], lines)


def baselines() -> str:
    points = {row["preset"]: row for row in reversed(rows("summary.csv"))}
    lines = []
    for row in sorted(rows("baselines/summary.csv"), key=lambda row: list(points).index(row["preset"]), reverse=True):
        ours, count = points[row["preset"]], row["pictures"]
        size = row["file_bytes"] if row["fits"] == count else f"{row['file_bytes']} (fits {row['fits']} of {count})"
        compared = ("psnr", "deep_distance", "deep_realism", "colour_shift")
        wins = [row[f"ours_better_{name}"] for name in compared]
        figures = [f"{row[name]} / {ours[name]}" for name in compared]
        needed = [row[f"bytes_for_{name}"] or "more than it can" for name in ("psnr", "deep_distance")]
        lines.append([f"`{row['preset']}`", row["codec"], size, *figures, " / ".join(wins), " / ".join(needed)])
    head = ["preset", "codec", "its file, bytes", "PSNR, its / ours", "deep distance", "deep realism", "colour shift"]
    return table([*head, "ours better: PSNR / distance / realism / colour", "bytes for our PSNR / distance"], lines)


def any_rate() -> str:
    """Files of given sizes, refined, without a base stream, and of the classical codecs that have files as small."""
    if not (RESULTS / "refined-summary.csv").is_file():
        return "Not measured yet with this model."
    names = {"refined": "**refined**", "without base": "without a base stream"}
    lines = []
    for row in rows("refined-summary.csv"):
        figures = [row[name] for name in METRICS if name != "set_realism"]
        wins = " / ".join(row[f"refined_better_{name}"] for name in ("psnr", "deep_distance", "deep_realism"))
        better = "" if row["way"] == "refined" else f"{wins} of {row['pictures']}"
        lines.append([row["budget"], names.get(row["way"], row["way"]), row["file_bytes"], *figures, better])
    head = ["at most, bytes", "way", "file, bytes", "PSNR, dB", "MS-SSIM", "deep distance", "deep realism"]
    return table([*head, "colour shift", "refined better: PSNR / distance / realism"], lines)


def refined_presets() -> str:
    """PSNR and deep distance of each preset's refinement, on validation photos."""
    points = {(row["preset"], int(row["bytes"])): row for row in rows("validation.csv", REFINEMENT)}
    presets = list(dict.fromkeys(preset for preset, _ in points))
    lines = []
    for size in sorted({size for _, size in points}):
        figures = [points.get((preset, size)) for preset in presets]
        lines.append(
            [str(size), *("" if row is None else f"{row['psnr']} / {row['deep_distance']}" for row in figures)]
        )
    return table(["bytes", *(f"`{preset}`, dB / distance" for preset in presets)], lines)


def damage() -> str:
    """What flipped bits do to a file's blocks, and to its base."""
    points = {(row["part"], float(row["rate"])): row for row in rows("damage.csv", REFINEMENT)}
    lines = []
    for rate in dict.fromkeys(rate for _, rate in points):
        blocks, base = points["blocks", rate], points["base", rate]
        refused = [f"{row['refused']} of {row['copies']}" for row in (blocks, base)]
        lines.append([f"{rate:g}", blocks["psnr"], *refused])
    head = ["bits flipped", "in the blocks: PSNR, dB", "files refused", "in the base: files refused"]
    return table(head, lines)


def strengths() -> str:
    """PSNR, deep distance and deep realism over the strength, on validation photos."""
    points = {(row["preset"], float(row["strength"])): row for row in rows("strength.csv", TRAINING)}
    presets = list(dict.fromkeys(preset for preset, _ in points))
    lines = []
    for strength in dict.fromkeys(strength for _, strength in points):
        figures = [points[preset, strength] for preset in presets]
        columns = [" / ".join(row[name] for name in ("psnr", "deep_distance", "deep_realism")) for row in figures]
        lines.append([f"{strength:g}", *columns])
    return table(["strength", *(f"`{preset}`, dB / distance / realism" for preset in presets)], lines)


def leverage() -> str:
    """What the caption is worth."""
    lines = [
        [
            f"`{row['preset']}`",
            row["right_caption"],
            *(f"{row[f'{name}_is_worse_percent']} ± {row[f'{name}_standard_error']}" for name in ("wrong", "empty")),
        ]
        for row in rows("leverage.csv", TRAINING)
    ]
    return table(["preset", "loss, right caption", "another photo's: worse by, %", "no caption: worse by, %"], lines)


def caption_change() -> str:
    """What another caption changes in a picture, beside what painting changes in the estimate."""
    lines = [
        [f"`{row['preset']}`", row["caption_change"], row["painting_change"]]
        for row in rows("caption-change.csv", TRAINING)
    ]
    return table(["preset", "one caption to the other, of 255", "the estimate to the painted picture, of 255"], lines)


def guided_edits() -> list[dict[str, str]]:
    """The rows of the model's own painter."""
    return [row for row in rows("edits.csv", TRAINING) if row["painter"] == OWN]


def edits() -> str:
    """What captions that name an edit change, and what the edit itself changes, at the model's own guidance."""
    guidance = json.loads((MODEL / "model_index.json").read_text())["default_guidance"]
    measured = [row for row in guided_edits() if float(row["guidance"]) == guidance]
    presets = list(dict.fromkeys(row["preset"] for row in measured))
    lines = []
    for name in dict.fromkeys(row["edit"] for row in measured):
        figures = [next(row for row in measured if (row["edit"], row["preset"]) == (name, each)) for each in presets]
        columns = [f"{row['right_way']} of {row['pictures']}, {float(row['change']):+.0f}" for row in figures]
        wanted = f"{float(figures[0]['change_of_the_edit']):+.0f}"
        lines.append([name, figures[0]["figure"], *columns, wanted])
    return table(["edit", "figure", *(f"`{preset}`" for preset in presets), "the edit itself"], lines)


def guidances() -> str:
    """What the guidance scale does to plain captions and to those that name an edit."""
    lines = []
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in guided_edits():
        groups.setdefault((row["preset"], row["guidance"]), []).append(row)
    for (preset, guidance), group in groups.items():
        right, pictures = (sum(int(row[name]) for row in group) for name in ("right_way", "pictures"))
        plain = [group[0][name] for name in ("deep_distance", "colour_shift")]
        reach = fmean(float(row["change"]) / float(row["change_of_the_edit"]) for row in group)
        lines.append([f"`{preset}`", f"{float(guidance):g}", *plain, f"{right} of {pictures}", f"{100 * reach:.0f}"])
    head = ["preset", "guidance", "plain caption: deep distance", "colour shift", "edits: right way"]
    return table([*head, "of the edit itself, %"], lines)


def captioner() -> str:
    """How many generated captions share a content word with the photo's own."""
    measured = json.loads((TRAINING / "captioner.json").read_text())
    names = {
        "content_overlap": "the captioner",
        "constant_overlap": "the best constant caption, chosen on the same photos",
        "shuffled_overlap": "the captioner's captions, each at another photo",
    }
    return table(["captions", "share a content word, %"], [[n, f"{100 * measured[k]:.1f}"] for k, n in names.items()])


def parts() -> str:
    """Parameters, bytes and minutes of training of each part."""
    training = manifest()["training"]
    stages = {
        "vae": ("autoencoder", "decoder", "painter"),
        "hyper_codec": ("hyper",),
        "transformer": ("flow", "adversarial", "edits", "painter"),
        "text_encoder": ("edits", "painter"),
        "masked_model": ("entropy",),
        "caption_model": ("caption-coder",),
        "captioner": ("captioner",),
    }
    lines = []
    for name, count in manifest()["parameters"].items():
        size = sum(path.stat().st_size for path in (MODEL / name).glob("*.safetensors"))
        minutes = " + ".join(f"{training[stage]['seconds'] / 60:.0f}" for stage in stages.get(name, ()))
        lines.append([f"`{name}`", f"{count:,}", f"{size / 1e6:.2f}", minutes or "with the transformer"])
    return table(["part", "parameters", "MB", "minutes of training on two CPU cores"], lines)


def stages() -> str:
    """Steps and minutes of each stage, and whether its curve was kept."""
    lines = []
    for name, state in manifest()["training"].items():
        kept = (TRAINING / f"{name}-curve.csv").is_file()
        lines.append(
            [f"`{name}`", f"{state['step']:,}", f"{state['seconds'] / 60:.0f}", "kept" if kept else "not kept"]
        )
    return table(["stage", "steps", "minutes on two CPU cores", "curve"], lines)


def sources() -> str:
    """The collections that the training photos come from."""
    licences = source_licences()
    lines = [[name, str(count), licences[name]] for name, count in manifest()["sources"].items()]
    return table(["collection", "photos", "licence as its repository states it"], lines)


def scaling() -> dict:
    return json.loads(SCALE.read_text())


def sizes() -> str:
    """Processors' seconds of a picture there and back, by its side."""
    lines = []
    for row in scaling()["sizes"]:
        seconds = row["cpu_seconds"].values()
        per_megapixel = sum(seconds) / (row["side"] ** 2 / 1e6)
        figures = [f"{value:.2f}" for value in (*seconds, sum(seconds), per_megapixel)]
        lines.append([f"{row['side']}²", row["way"], str(row["streams"]), str(row["bytes"]), *figures])
    head = ["picture", "coded", "streams", "bytes", "encode", "read", "paint", "together", "a megapixel"]
    return table(head, lines)


def operations() -> str:
    """What one run of the transformer consists of, by the number of its tokens."""
    lines = []
    for row in scaling()["transformer"]:
        seconds = row["cpu_seconds"]
        rates = [row["operations"][kind] / seconds[kind] / 1e9 for kind in ("attention", "products")]
        lines.append(
            [
                f"{row['side']}²",
                str(row["tokens"]),
                *(f"{1000 * value:.0f}" for value in seconds.values()),
                f"{100 * seconds['attention'] / sum(seconds.values()):.0f}",
                *(f"{value:.0f}" for value in rates),
            ]
        )
    matrix = scaling()["matrix_product"]
    rate = matrix["operations"] / matrix["cpu_seconds"] / 1e9
    lines.append(
        ["a product of 2048² matrices", "", "", f"{1000 * matrix['cpu_seconds']:.0f}", "", "", "", f"{rate:.0f}"]
    )
    head = ["picture", "tokens", "attention, ms", "products, ms", "rest, ms", "attention, %"]
    return table([*head, "attention, 10⁹ operations/s", "products, 10⁹ operations/s"], lines)


def growth() -> str:
    """Processors' seconds over the number of pictures in a batch, of captions, of threads."""
    names = {"batches": "pictures in a batch", "captions": "captions of a photo", "threads": "threads, one picture"}
    lines = []
    for group, name in names.items():
        for row in scaling()[group]:
            pictures = {"batches": row["number"], "captions": row["number"] + 1, "threads": 1}[group]
            seconds = row["cpu_seconds"], row["cpu_seconds"] / pictures, row["wall_seconds"]
            lines.append([name, str(row["number"]), *(f"{value:.2f}" for value in seconds)])
    return table(["what grows", "to", "CPU seconds", "a picture", "seconds on the clock"], lines)


TABLES = {
    make.__name__: make
    for make in (
        *(presets, summary, results, codings, baselines),
        *(sizes, operations, growth),
        *(any_rate, refined_presets, damage),
        *(strengths, leverage, caption_change, edits, guidances, captioner, parts, stages, sources),
    )
}


BLOCK = re.compile(r"<!-- (\w+) -->\n(.*?)<!-- /\1 -->", re.DOTALL)


def written(text: str) -> dict[str, str]:
    """The tables in a document, by name."""
    return {name: body.strip("\n") for name, body in BLOCK.findall(text)}


def fill(block: re.Match[str]) -> str:
    return f"<!-- {block[1]} -->\n{TABLES[block[1]]()}\n<!-- /{block[1]} -->"


if __name__ == "__main__":
    for document in DOCUMENTS:
        document.write_text(BLOCK.sub(fill, document.read_text("utf-8")), "utf-8")
