"""Config files and what is said of those that are wrong."""

import json
import re

import pytest

from percov2_demo.errors import InputError
from percov2_demo.training.recipes.config import read_config
from percov2_demo.training.recipes.scratch import EMBEDDED_CONFIG


CONFIGS = sorted(EMBEDDED_CONFIG.parent.glob("*.json"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_committed_configs_are_read_as_they_stand(path):
    written = json.loads(path.read_text("utf-8"))
    written.pop("extends", None)
    assert read_config(path) | written == read_config(path)


def without(config, *path):
    """A copy without one setting."""
    copy = json.loads(json.dumps(config))
    *sections, name = path
    section = copy
    for key in sections:
        section = section[key]
    del section[name]
    return copy


def test_what_is_wrong_with_a_config_is_said_of_file_and_setting(tmp_path):
    config, path = read_config(EMBEDDED_CONFIG.with_name("sd3-medium.json")), tmp_path / "mine.json"
    joint, loop, objective = config["joint"], config["joint"]["loop"], config["joint"]["objective"]
    photos, entropy = config["photos"], config["entropy"]
    loop_of_entropy = entropy["loop"] | {"learning_rte": 1}
    for wrong, sentence in (
        ('{"seed": 0,', "mine.json is no JSON from line 1 on: correct it there"),
        ([], "mine.json holds no JSON object"),
        (without(config, "seed"), "mine.json lacks seed"),
        (config | {"extends": "other.json"}, "other.json cannot be read"),
        (config | {"extends": "mine.json"}, "mine.json extends itself"),
        (config | {"extends": ["other.json"]}, "mine.json: extends is no name of a file"),
        (without(config, "hyper", "loop"), "mine.json: hyper lacks loop"),
        (
            config | {"entropy": {"loop": loop_of_entropy}},
            "mine.json: entropy.loop takes no learning_rte: its settings",
        ),
        (config | {"joint": joint | {"lora_rnk": 4}}, "mine.json: joint takes no lora_rnk: its settings are trains_"),
        (without(config, "joint", "t5_dropout"), "mine.json: joint lacks t5_dropout"),
        (
            config | {"joint": joint | {"objective": objective | {"shift": 1.0}}},
            "mine.json: joint.objective takes no shift: its settings are sigma_location, sigma_scale",
        ),
        (config | {"joint": joint | {"loop": [loop]}}, "mine.json: joint.loop is no JSON object"),
        (config | {"joint": joint | {"lora_rank": "4"}}, "mine.json: joint.lora_rank is not as it must be (Input"),
        (config | {"photos": photos | {"shapes": [[512, 512]]}}, "mine.json: photos.shapes.0.2 is not as it must be"),
        (
            config | {"photos": photos | {"batch": 8}},
            "mine.json: photos takes no batch: its settings are shapes",
        ),
        (without(config, "photos", "workers"), "mine.json: photos lacks workers"),
        (config | {"photos": 8}, "mine.json: photos is no JSON object"),
        (
            config | {"indices": {"side": [512]}},
            "mine.json: indices takes no side: its settings are sides",
        ),
        (
            config | {"entropy": entropy | {"wights": {}}},
            "mine.json: entropy takes no wights: its settings are",
        ),
        (config | {"entropy": entropy | {"model": {"widht": 8}}}, "mine.json: entropy.model takes no widht"),
        (without(config, "entropy", "schedules"), "mine.json: entropy lacks schedules"),
        (without(config, "hyper", "model"), "mine.json: hyper lacks model"),
    ):
        path.write_text(wrong if isinstance(wrong, str) else json.dumps(wrong))
        with pytest.raises(InputError, match=f"^{re.escape(sentence)}"):
            read_config(path)
    path.write_text(json.dumps(config))
    assert read_config(path) == config
