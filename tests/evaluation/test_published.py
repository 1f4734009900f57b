"""Published figures: layout of the committed files, values typed again from the sources, and refused files."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from percov2_demo.bitstream import compress_caption
from percov2_demo.errors import InputError
from percov2_demo.evaluation.published import (
    COLUMNS,
    DATASETS,
    PUBLISHED_FOLDER,
    TEXT_COLUMNS,
    PublishedSeries,
    load_published,
    published_caption_bytes,
    published_for,
    published_transmission,
)
from percov2_demo.presets import PRESETS


PIXELS = 512 * 512
SETS = load_published()
FILES = sorted(PUBLISHED_FOLDER.glob("*.json"))


def series(file: str, name: str) -> PublishedSeries:
    published = SETS[[path.name for path in FILES].index(f"{file}.json")]
    return {item.name: item for item in published.series}[name]


def column(file: str, name: str, metric: str) -> list[Any]:
    return list(series(file, name).results[metric])


SQUASH = "kodak-512x512-squash"
NATIVE = "kodak-768x512-native"
MODELS = ["implicit hierarchical VAR", "checkerboard", "quincunx", "QLDS (S = 5)", "QLDS (S = 12)"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_holds_one_dataset_at_one_resolution_and_is_named_after_it(path: Path) -> None:
    data = json.loads(path.read_text("utf-8"))
    size = f"{data['width']}x{data['height']}" if data["width"] else "unstated"
    kind = path.stem.split("-")[0]
    if kind in ("speed", "claims", "transmission"):
        assert (data["dataset"], path.stem) == ("unstated", f"{kind}-{size}")
    else:
        names = {f"{data['dataset']}-{size}-{data['protocol']}", f"{data['dataset']}-{size}"}
        assert path.stem in names
    assert not any({"dataset", "width", "height", "protocol"} & set(item) for item in data["series"])


def test_every_series_has_its_figures_source_and_status() -> None:
    assert len(SETS) == len(FILES) == 14
    for item in (item for published in SETS for item in published.series):
        assert len({len(values) for values in item.results.values()}) == 1
        assert set(item.results) <= set(COLUMNS) | set(TEXT_COLUMNS)
        assert bool(item.derivation) == (item.status != "stated")
        assert all((item.source.authors, item.source.title, item.source.where))


def test_labels_say_published() -> None:
    for published in SETS:
        assert published.dataset in DATASETS
        assert "published" in published.label
        for item in published.series:
            assert "published" in item.label
            assert "published" in str(item.source)
            assert item.status == "stated" or item.status in item.label


def test_only_exact_matches_are_found_and_sets_are_never_mixed() -> None:
    assert [item.protocol for item in published_for("kodak", 512, 512)] == ["crop", "squash"]
    assert [item.protocol for item in published_for("kodak", 768, 512)] == ["native"]
    assert [item.protocol for item in published_for("unstated", 768, 512)] == ["RTX 4090D"]
    for dataset, width, height in [("kodak", 512, 768), ("Kodak", 512, 512), ("clic2020", 512, 512), ("kodak", 0, 0)]:
        assert published_for(dataset, width, height) == ()
    keys = [(item.dataset, item.width, item.height, item.protocol) for item in SETS]
    assert len(set(keys)) == len(keys)


def test_results_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        SETS[0].series[0].results["bpp"] = ()  # type: ignore[index]


def test_presets_state_the_same_figures() -> None:
    ultra, extreme = column(SQUASH, "PerCoV2, uniform", "bpp")
    best_ultra = [column(SQUASH, f"PerCoV2, {name}", "bpp")[0] for name in ("quincunx", "QLDS (S = 5)")]
    assert [rate.bpp for rate in PRESETS["ultra-low"].published] == [ultra, best_ultra[0]] == [ultra, best_ultra[1]]
    best_extreme = column(SQUASH, "PerCoV2, QLDS (S = 12)", "bpp")
    assert [rate.bpp for rate in PRESETS["extreme-low"].published] == [extreme, *best_extreme]


def test_percov2_table_1() -> None:
    table = {name: column(SQUASH, f"PerCoV2, {name}", "bpp") for name in ["uniform", *MODELS]}
    assert table == {
        "uniform": [0.00363, 0.03293],
        "implicit hierarchical VAR": [0.00348],
        "checkerboard": [0.00342, 0.02854],
        "quincunx": [0.0034, 0.02697],
        "QLDS (S = 5)": [0.0034, 0.02667],
        "QLDS (S = 12)": [0.02616],
    }
    savings = [column(SQUASH, f"PerCoV2, {name}", "saving-percent") for name in MODELS]
    assert savings == [[4.13], [5.79, 13.33], [6.34, 18.10], [6.34, 19.01], [20.56]]


@pytest.mark.parametrize("name", ["uniform", *MODELS])
def test_savings_and_index_rates_follow_from_the_totals(name: str) -> None:
    """The caption's share is what uniform coding spends beyond 64 and 1024 whole bytes."""
    stated, indices = series(SQUASH, f"PerCoV2, {name}"), series(SQUASH, f"PerCoV2, {name}, indices alone")
    assert indices.status == "inferred"
    for i, setting in enumerate(stated.results["label"]):
        uniform, count = {"ultra-low": (0.00363, 64), "extreme-low": (0.03293, 1024)}[setting]
        nominal = 8 * count / PIXELS
        bpp = stated.results["bpp"][i]
        index_bpp = bpp - (uniform - nominal)
        assert indices.results["label"][i] == setting
        assert indices.results["index-bpp"][i] == pytest.approx(index_bpp, abs=5.1e-6)
        assert indices.results["bits-per-index"][i] == pytest.approx(index_bpp * PIXELS / count, abs=5.1e-3)
        if name != "uniform":
            assert stated.results["saving-percent"][i] == round(100 * (1 - bpp / uniform), 2)
            assert indices.results["index-saving-percent"][i] == round(100 * (1 - index_bpp / nominal), 1)


def test_the_caption_costs_55_bytes_at_both_rates() -> None:
    caption = series(SQUASH, "PerCoV2, caption")
    assert caption.status == "derived"
    for total, count, bpp, size in zip(
        (0.00363, 0.03293), (64, 1024), caption.results["caption-bpp"], caption.results["caption-bytes"], strict=True
    ):
        assert round(total - 8 * count / PIXELS, 5) == bpp == 0.00168
        assert round(bpp * PIXELS / 8) == size == 55


PICTURES = {
    "PICS": [0.02038, 0.01788, 0.01965, 0.02248],
    "MS-ILLM": [0.00730, 0.00781, 0.00757, 0.00793],
    "DiffC (SD 1.5)": [0.00415, 0.00421, 0.00464, 0.00491],
    "PerCo (SD)": [0.00339, 0.00388, 0.00406, 0.00372],
    "PerCoV2": [0.00308, 0.00360, 0.00378, 0.00351],
}


@pytest.mark.parametrize("name", PICTURES)
def test_kodak_by_picture(name: str) -> None:
    item = series(SQUASH, f"{name}, by picture")
    assert item.results["image"] == ("kodim10", "kodim21", "kodim13", "kodim07")
    assert list(item.results["bpp"]) == PICTURES[name]
    for bpp, own, ratio in zip(PICTURES[name], PICTURES["PerCoV2"], item.results.get("rate-ratio", ()), strict=False):
        assert bpp / own == pytest.approx(ratio, abs=0.0051)


@pytest.mark.parametrize(("name", "sizes"), [("PerCo (SD)", [111, 127, 133, 122]), ("PerCoV2", [101, 118, 124, 115])])
def test_rates_by_picture_are_whole_bytes(name: str, sizes: list[int]) -> None:
    assert column(SQUASH, f"{name}, bytes by picture", "bytes") == sizes
    assert [round(8 * size / PIXELS, 5) for size in sizes] == PICTURES[name]


def test_kodak_means_and_examples() -> None:
    means = {name: column(SQUASH, f"{name}, mean", "bpp") for name in ["PerCoV2", "PerCo (SD)"]}
    assert means == {"PerCoV2": [0.0034], "PerCo (SD)": [0.00363]}
    assert column(SQUASH, "DiffC (SD 1.5), mean", "bpp") == [0.00435]
    assert column(SQUASH, "DiffC (SD 2.1), mean", "bpp") == [0.00458]
    ours, theirs = series(SQUASH, "PerCoV2, against DiffC"), series(SQUASH, "DiffC (SD 1.5), against PerCoV2")
    assert set(ours.results["image"] + theirs.results["image"]) == {"kodim22"}
    assert (ours.results["bpp"], theirs.results["bpp"]) == ((0.00323, 0.02664), (0.00427, 0.02789))
    assert theirs.results["rate-ratio"] == (round(0.00427 / 0.00323, 2), round(0.02789 / 0.02664, 2))
    example = series(SQUASH, "PerCoV2, extreme-low example")
    assert (example.status, example.results["bpp"]) == ("inferred", (0.0275,))
    for name, bpp, ratio in [("PerCo (SD)", 0.03302, 1.2), ("DiffEIC", 0.0282, 1.02)]:
        other = series(SQUASH, f"{name}, extreme-low example").results
        assert (other["bpp"], other["rate-ratio"]) == ((bpp,), (ratio,))
        assert bpp / ratio == pytest.approx(0.0275, abs=2e-4)


def test_captions_of_kodim19_cost_what_zlib_makes_of_them() -> None:
    stated, totals = series(SQUASH, "PerCoV2, captions compared"), series(SQUASH, "PerCoV2, captions compared, totals")
    captions = ["", "a white fence with a lighthouse behind it", "an old castle"]
    sizes = [len(compress_caption(caption, "zlib")) for caption in captions]
    assert list(totals.results["caption-bytes"]) == sizes == [0, 47, 21]
    assert list(stated.results["caption-bpp"]) == [round(8 * size / PIXELS, 4) for size in sizes]
    assert list(totals.results["bytes"]) == [56 + size for size in sizes]
    assert list(totals.results["bpp"]) == [round(8 * (56 + size) / PIXELS, 5) for size in sizes]
    assert set(stated.results["index-bpp"]) == {round(8 * 56 / PIXELS, 5)}


@pytest.mark.parametrize(
    ("file", "name", "metric", "values"),
    [
        ("kodak-512x512-crop", "CoD (pixel)", "psnr-rgb", [16.21]),
        ("kodak-512x512-crop", "CoD (latent)", "bpp", [0.00024, 0.0039]),
        ("kodak-512x512-crop", "CoD (latent)", "lpips-alex", [0.686, 0.415]),
        ("kodak-512x512-crop", "CoD (pixel)", "fid-patch64", [46.0]),
        (NATIVE, "PerCo (SD)", "psnr-rgb", [19.53, 22.79]),
        (NATIVE, "PerCo (SD)", "bpp", [0.0324, 0.1261]),
        (NATIVE, "DiffEIC", "bpp", [0.0201, 0.0375, 0.0609, 0.0916, 0.1233]),
        (NATIVE, "DiffEIC", "ms-ssim-rgb", [0.649, 0.740, 0.808, 0.861, 0.887]),
        (NATIVE, "RDEIC (5 steps)", "lpips", [0.203, 0.156, 0.086]),
        (NATIVE, "MS-ILLM", "dists", [0.134, 0.109, 0.081]),
        (NATIVE, "HiFiC", "psnr-rgb", [24.08, 25.14, 27.26]),
        (NATIVE, "VTM", "lpips", [0.569, 0.495, 0.346]),
        (NATIVE, "Text-Sketch (PICS)", "psnr-rgb", [11.66, 11.40]),
        (NATIVE, "SD 2.1 autoencoder, bound", "psnr-rgb", [26.65]),
        (NATIVE, "SD 2.1 autoencoder, bound", "bpp", [None]),
        (NATIVE, "Text-Sketch (PIC)", "bpp", [0.0025]),
        ("kodak-unstated", "StableCodec", "psnr-rgb", [20.27, 21.31, 22.30, 23.01]),
        ("kodak-unstated", "AEIC-ME", "lpips", [0.311, 0.244, 0.164]),
        ("kodak-unstated", "AEIC-SE", "dists", [0.155, 0.127, 0.092]),
        ("coco-30k-512x512-unstated", "PerCo, guidance on text only", "miou", [46.64]),
        ("coco-30k-512x512-unstated", "PerCo, guidance on text and indices", "fid", [13.84]),
        ("coco-30k-512x512-unstated", "PerCo, no guidance", "fid", [7.89]),
        ("coco-30k-512x512-unstated", "LDM autoencoder, bound", "clip-score", [30.19]),
        ("coco-30k-512x512-unstated", "PerCo without quantization", "fid", [0.68]),
        ("coco-30k-512x512-unstated", "PerCo", "bpp", [0.012]),
        ("coco-30k-512x512-unstated", "PerCo, lowest and highest rate", "bpp", [0.0032, 0.1263]),
        ("coco-30k-256x256-unstated", "HFD/DDPM", "bpp", [0.107, 0.175]),
        ("clic2020-unstated", "PerCo (SD)", "fid", [16.02, 7.10]),
        ("clic2020-unstated", "VTM", "fid", [113]),
        ("clic2020-unstated", "DLF", "rate-change-percent", [-27.93, -53.55]),
        ("speed-768x512", "PerCo (20 steps)", "decoding_time", [2.842]),
        ("speed-768x512", "AEIC-SE", "encoding_time", [0.014]),
        ("speed-720x480", "CoD-Lite", "decoding_time", [0.065]),
        ("claims-unstated", "OneDC", "decoding-speedup", [20, 20]),
    ],
)
def test_values_as_published(file: str, name: str, metric: str, values: list[float | None]) -> None:
    assert column(file, name, metric) == values
    assert series(file, name).status == "stated"


def test_a_transmission_group_by_group() -> None:
    quincunx = published_transmission("ultra-low", "quincunx")
    assert quincunx.results["indices"] == (4, 8, 16, 32, 64)
    assert quincunx.results["bpp"] == (0.00217, 0.00229, 0.00253, 0.00305, 0.00385)
    assert published_transmission("ultra-low", "checkerboard").results["bpp"] == (0.00302,)
    assert published_transmission("low", "quincunx") is None
    sizes = [round(bpp * PIXELS / 8) for bpp in quincunx.results["bpp"]]
    assert sizes == [71, 75, 83, 100, 126]
    caption = published_caption_bytes("ultra-low")
    assert [size - caption for size in sizes] == [4, 8, 16, 33, 59]


def test_arithmetic_of_the_other_derived_figures() -> None:
    caption = "PerCo, caption by BLIP"
    [bpp] = column("coco-30k-512x512-unstated", caption, "caption-bpp")
    assert column("coco-30k-512x512-unstated", f"{caption}, bytes", "caption-bytes") == [round(bpp * PIXELS / 8, 1)]
    embedding = column("coco-30k-512x512-unstated", "PerCo, image embedding instead of a caption", "embedding-bpp")
    assert embedding == [round(16 * 10 / PIXELS, 5)]
    [old] = column("coco-30k-512x512-squash", "PerCo (SD)", "bpp")
    [new] = column("coco-30k-512x512-squash", "PerCoV2", "bpp")
    bits = (new - (old - 0.125)) * PIXELS / 4096
    assert column("coco-30k-512x512-squash", "PerCoV2, indices alone", "bits-per-index") == [round(bits, 2)]
    [kilobytes] = column("claims-768x768", "OneDC", "kilobytes")
    [bpp] = column("claims-768x768", "OneDC, rate", "bpp")
    assert all(8 * kilobytes * size / 768**2 == pytest.approx(bpp, abs=5e-5) for size in (1000, 1024))
    assert column("kodak-512x512-crop", "CoD (latent)", "bpp")[0] == round(64 / PIXELS, 5)


GOOD = {
    "dataset": "kodak",
    "width": 512,
    "height": 512,
    "protocol": "crop",
    "protocol_status": "stated",
    "series": [
        {
            "name": "A codec",
            "source": {"authors": "Doe et al.", "title": "A paper", "where": "table 1"},
            "status": "stated",
            "results": {"bpp": [0.1, 0.2], "psnr-rgb": [20, None]},
        }
    ],
}


def write(folder: Path, data: Any, name: str = "set.json") -> Path:
    (folder / name).write_text(data if isinstance(data, str) else json.dumps(data), "utf-8")
    return folder


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    [published] = load_published(write(tmp_path, GOOD))
    assert (published.dataset, published.width, published.height, published.note) == ("kodak", 512, 512, "")
    assert published.series[0].results == {"bpp": (0.1, 0.2), "psnr-rgb": (20, None)}
    assert published.series[0].label == "A codec (published)"
    assert published.label == "published: kodak, 512x512, crop"


REFUSED = {
    "unequal lengths": (("series", 0, "results", "bpp"), [0.1]),
    "unknown metric psnr": (("series", 0, "results", "psnr"), [1, 2]),
    "bpp must hold finite numbers": (("series", 0, "results", "bpp"), ["0.1", "0.2"]),
    "image must hold text": (("series", 0, "results", "image"), [1, None]),
    "there are no figures": (("series", 0, "results"), {"image": ["kodim01"]}),
    "series.0.results.bpp": (("series", 0, "results"), {"bpp": 0.1}),
    "finite numbers or null": (("series", 0, "results", "bpp"), [0.1, float("nan")]),
    "series.0.source.where": (("series", 0, "source"), {"authors": "Doe et al.", "title": "A paper"}),
    "series.0.source.authors": (("series", 0, "source", "authors"), " "),
    "series.0.status": (("series", 0, "status"), "guessed"),
    "a derivation is needed": (("series", 0, "status"), "derived"),
    "none if it is stated": (("series", 0, "derivation"), "arithmetic"),
    "series.0.width": (("series", 0, "width"), 768),
    "dataset is not as it must be": (("dataset",), "Kodak"),
    "both null": (("width",), None),
    "height is not as it must be": (("height",), -1),
    "protocol_status": (("protocol_status",), "maybe"),
    "series is not as it must be": (("series",), []),
    "series named twice: A codec": (("series",), GOOD["series"] * 2),
    "note is not as it must be": (("note",), 3),
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, message: str) -> None:
    data = copy.deepcopy(GOOD)
    path, value = REFUSED[message]
    target: Any = data
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    with pytest.raises(InputError, match=message) as caught:
        load_published(write(tmp_path, data))
    assert str(caught.value).startswith("set.json: ")


@pytest.mark.parametrize("key", ["source", "status", "results", "name"])
def test_a_series_without_a_part_is_refused(tmp_path: Path, key: str) -> None:
    data = copy.deepcopy(GOOD)
    del data["series"][0][key]
    with pytest.raises(InputError, match=rf"series\.0\.{key} is not as it must be"):
        load_published(write(tmp_path, data))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"dataset": "kodak"}'])
def test_what_is_no_set_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"^set\.json: "):
        load_published(write(tmp_path, text))


def test_two_files_on_the_same_pictures_are_refused(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "a.json")
    with pytest.raises(InputError, match=r"^b\.json: another file has the same dataset"):
        load_published(write(tmp_path, GOOD, "b.json"))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no published figures"):
        load_published(tmp_path)
