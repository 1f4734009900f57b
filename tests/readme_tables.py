"""The README's tables, made of the committed results; `python -m tests.readme_tables` writes them into it."""

import csv
import json
import re
from pathlib import Path


ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
RESULTS = ROOT / "assets" / "results" / "kodak"


def rows(name: str) -> list[dict[str, str]]:
    with (RESULTS / name).open() as file:
        return list(csv.DictReader(file))


def table(head: list[str], lines: list[list[str]]) -> str:
    parts = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(part) + " |" for part in parts)


def results() -> str:
    strengths = json.loads((RESULTS / "summary.json").read_text())["settings"]["default_strength"]
    lines = [
        [
            f"`{row['preset']}`",
            f"{float(row['strength']):g}"
            + (", default" if float(row["strength"]) == strengths[row["preset"]] else ""),
            *(row[name] for name in ("file_bytes", "payload_bpp", "psnr", "ms_ssim", "realism", "colour_shift")),
        ]
        for row in rows("summary.csv")
    ]
    head = ["preset", "strength", "file, bytes", "payload, bpp", "PSNR, dB", "MS-SSIM", "realism", "colour shift"]
    return table(head, lines)


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
        wins = [row[f"ours_better_{name}"] for name in ("psnr", "ms_ssim", "realism", "colour_shift")]
        figures = [f"{row[name]} / {ours[name]}" for name in ("psnr", "realism", "colour_shift")]
        needed = row["bytes_for_psnr"] or "more than it can"
        lines.append([f"`{row['preset']}`", row["codec"], size, *figures, " / ".join(wins), needed])
    head = ["preset", "codec", "its file, bytes", "PSNR, its / ours", "realism", "colour shift"]
    return table([*head, "ours better: PSNR / MS-SSIM / realism / colour", "bytes for our PSNR"], lines)


TABLES = {"results": results, "codings": codings, "baselines": baselines}


def written(readme: str, name: str) -> str:
    """The table of that name as it stands in the README."""
    return re.search(rf"<!-- {name} -->\n(.*?)\n<!-- /{name} -->", readme, re.DOTALL)[1]


if __name__ == "__main__":
    text = README.read_text("utf-8")
    for name, make in TABLES.items():
        before, rest = text.split(f"<!-- {name} -->", 1)
        after = rest.split(f"<!-- /{name} -->", 1)[1]
        text = f"{before}<!-- {name} -->\n{make()}\n<!-- /{name} -->{after}"
    README.write_text(text, "utf-8")
