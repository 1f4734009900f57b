"""A full-size recipe for the tiny Stable Diffusion 3, and photos to train it on."""

from pathlib import Path
from typing import Any

from percov2_demo.training.recipes.config import read_config
from percov2_demo.training.recipes.scratch import EMBEDDED_CONFIG
from tests.conftest import CAPTIONS
from tests.scene import draw_scene
from tests.shards import write_photos


SD3_CONFIG = EMBEDDED_CONFIG.with_name("sd3-medium.json")


def tiny_recipe(base: Path, **loop: Any) -> dict[str, Any]:
    """The full-size recipe with everything smaller, and one row of the curve a step."""
    config = read_config(SD3_CONFIG)
    config["base"] = {"model": str(base), "revision": None}
    config["photos"] |= {"shapes": [[128, 128, 0.5], [128, 192, 0.5]], "batch_size": 6, "workers": 0}
    config["hyper"]["model"] |= {"encoder_width": 16, "channels": 16, "code_channels": 8}
    config["validation"] = {"photos": 1, "side": 128, "steps": 1, "guidance": 2.0}
    config["indices"] |= {"sides": [192], "workers": 0}
    config["entropy"]["model"] |= {"width": 24, "blocks": 1, "hidden": 48, "kernel": 3}
    config["entropy"]["shapes"] = {
        "ultra-low": [[3, 3, 1.0, 4]],
        "low": [[6, 6, 1.0, 2]],
        "extreme-low": [[8, 8, 1.0, 2]],
    }
    for stage in ("hyper", "joint", "entropy"):
        fast = {"learning_rate": 1e-3, "warmup_steps": 1, "cooldown_steps": 2, "max_steps": 4, "log_steps": 1}
        config[stage]["loop"] |= fast | loop
    return config


def write_data(folder: Path) -> None:
    """Two shards of drawn photos and one for validation."""
    for name, count in (("train-00", 3), ("train-01", 4), ("val", 1)):
        photos = [draw_scene(200 + 16 * number, 208) for number in range(count)]
        records = [{"captions": [CAPTIONS[number % 3]], "source": name} for number in range(count)]
        write_photos(folder / "photos" / f"{name}.tar", zip(photos, records, strict=True))
