"""How many of a captioner's captions are about their photos."""

import csv
import json

from percov2_demo.data.shards import read_shards
from percov2_demo.training.measures.captioner import validate
from tests.shards import write_shard


class Oracle:
    """Knows what `write_shard` draws: the photo's number is its red."""

    def caption(self, images):
        return [f"photo {image.getpixel((0, 0))[0]} of zebras" for image in images]


def test_validation_tells_what_was_said_and_how_much_of_it_is_about_the_photo(tmp_path):
    write_shard(tmp_path / "train-00.tar", 2, "a")
    write_shard(tmp_path / "train-01.tar", 1, "b")
    photos = read_shards(tmp_path.glob("*.tar"))
    figures = validate(Oracle(), photos, ["nothing at all", "a zebra"], tmp_path)
    assert figures == json.loads((tmp_path / "validation.json").read_text())
    assert (figures["photos"], figures["distinct_captions"]) == (3, 2)
    assert (figures["content_overlap"], figures["constant_overlap"]) == (0, 0)
    with (tmp_path / "captions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[1] == {"reference": "photo 1 of a", "generated": "photo 1 of zebras"}
