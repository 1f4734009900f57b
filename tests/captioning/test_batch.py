"""Captions of whole collections."""

import json
import time

import pytest
from PIL import Image
from transformers import Blip2ForConditionalGeneration

from percov2_demo.__main__ import main
from percov2_demo.captioning.batch import open_pictures, write_captions
from percov2_demo.data.shards import PhotoShards
from percov2_demo.errors import InputError
from tests.conftest import tiny_pipeline
from tests.scene import draw_scene
from tests.shards import write_shard


class Counting:
    """Says the red of a picture's corner, and notes how many it was asked for at once."""

    def __init__(self, fails_after=None):
        self.asked, self.fails_after = [], fails_after

    def caption(self, images):
        if len(self.asked) == self.fails_after:
            raise RuntimeError("the machine went away")
        self.asked.append(len(images))
        return [f"red {image.getpixel((0, 0))[0]}" for image in images]


def records(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_shards_are_captioned_in_batches_and_train_with_it(tmp_path):
    for name in ("train-00", "train-01"):
        write_shard(tmp_path / f"{name}.tar", 3, name)
    captioner, out = Counting(), tmp_path / "captions.jsonl"
    assert write_captions(captioner.caption, open_pictures([tmp_path]), out, 4) == {"captions": 6, "unreadable": 0}
    assert captioner.asked == [4, 2]
    assert records(out)[4] == {"file": "train-01.tar/train-01-1.webp", "caption": "red 1"}
    photos = PhotoShards(tmp_path.glob("*.tar"), captions=out)
    assert [photo.captions for photo in photos] == [(f"red {number % 3}",) for number in range(6)]


def test_a_stopped_run_goes_on(tmp_path):
    write_shard(tmp_path / "train-00.tar", 5, "a")
    out, pictures = tmp_path / "captions.jsonl", open_pictures([tmp_path / "train-00.tar"])
    with pytest.raises(RuntimeError):
        write_captions(Counting(fails_after=2).caption, pictures, out, 1)
    with (tmp_path / "captions.jsonl.0.partial").open("a") as file:
        file.write('{"file": "train-00.tar/a-2')
    captioner = Counting()
    assert write_captions(captioner.caption, pictures, out, 2) == {"captions": 5, "unreadable": 0}
    assert captioner.asked == [2, 1]
    assert [record["caption"] for record in records(out)] == [f"red {number}" for number in range(5)]
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []
    assert write_captions(captioner.caption, pictures, out, 2) == {"captions": 5, "unreadable": 0}
    assert captioner.asked == [2, 1]


def test_captions_of_other_pictures_stay(tmp_path):
    out, captioner = tmp_path / "captions.jsonl", Counting()
    for name in ("train-00", "train-01"):
        write_shard(tmp_path / f"{name}.tar", 2, name)
        written = write_captions(captioner.caption, open_pictures([tmp_path / f"{name}.tar"]), out, 4)
        assert written == {"captions": 2, "unreadable": 0}
    assert [record["file"].partition("/")[0] for record in records(out)] == ["train-00.tar"] * 2 + ["train-01.tar"] * 2


@pytest.mark.parametrize("line", ["hello", "{}", "[]", '{"file": "a.png"}', '{"file": 1, "caption": "a"}'])
def test_a_file_of_something_else_is_left_as_it_is(line, tmp_path):
    out = tmp_path / "notes"
    out.write_text(f"{line}\n")
    with pytest.raises(InputError, match='notes must hold one JSON object a line, with "file" and "caption"'):
        write_captions(Counting().caption, Noting(tmp_path, 1), out, 1)
    assert out.read_text() == f"{line}\n"


def test_where_nothing_can_be_captioned_there_is_no_file(tmp_path, capsys):
    model, out = tmp_path / "model", tmp_path / "captions.jsonl"
    tiny_pipeline().save_pretrained(model)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    for name, sentence in {
        "nothing": f"there is no file or folder {tmp_path / 'nothing'}: check the name",
        "broken.png": "none of the pictures can be read: nothing was captioned",
    }.items():
        assert main(["caption", str(tmp_path / name), "-o", str(out), "--model", str(model)]) == 2
        assert capsys.readouterr().err.splitlines()[-1] == f"error: {sentence}"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.png", "model"]


def test_captions_of_others_stay_where_nothing_can_be_captioned(tmp_path):
    out = tmp_path / "captions.jsonl"
    line = json.dumps({"file": "other.png", "caption": "a cat"}) + "\n"
    out.write_text(line)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="none of the pictures can be read"):
        write_captions(Counting().caption, open_pictures([tmp_path / "broken.png"]), out, 1)
    assert out.read_text() == line


def test_pictures_of_one_name_are_refused(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        draw_scene(64, 64).save(tmp_path / folder / "scene.png")
    with pytest.raises(InputError, match=r"two pictures would be called scene\.png: give the folder that both are in"):
        open_pictures([tmp_path / "a", tmp_path / "b" / "scene.png"])
    assert len(open_pictures([tmp_path / "a", tmp_path / "a"])) == 1


def test_shards_of_one_name_are_refused(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_shard(tmp_path / folder / "train-00.tar", 1, "a")
    with pytest.raises(InputError, match="two of the shards have the same name"):
        open_pictures([tmp_path / "a", tmp_path / "b"])
    assert len(open_pictures([tmp_path / "a", tmp_path / "a" / "train-00.tar"])) == 1


def test_folders_are_looked_through_and_what_cannot_be_read_is_left_out(tmp_path):
    (tmp_path / "photos" / "deep").mkdir(parents=True)
    Image.new("RGB", (64, 64), (7, 0, 0)).save(tmp_path / "photos" / "deep" / "b.png")
    (tmp_path / "photos" / "a.jpg").write_bytes(b"no picture")
    out = tmp_path / "captions.jsonl"
    written = write_captions(Counting().caption, open_pictures([tmp_path / "photos"]), out, 8)
    assert written == {"captions": 1, "unreadable": 1, "unreadable_files": ["a.jpg"]}
    assert records(out) == [{"file": "deep/b.png", "caption": "red 7"}]


class Noting:
    """Pictures that leave a file where they have been read."""

    def __init__(self, folder, count):
        self.folder, self.count = folder, count

    def __len__(self):
        return self.count

    def file(self, number):
        return f"{number}.png"

    def load(self, number):
        (self.folder / self.file(number)).touch()
        return Image.new("RGB", (16, 16), (number, 0, 0))


def test_the_next_batch_is_read_while_one_is_captioned(tmp_path):
    (tmp_path / "read").mkdir()
    captioner = Counting()

    def describe(images):
        following = min(20 * len(captioner.asked) + 39, 44)
        for _ in range(200):
            if (tmp_path / "read" / f"{following}.png").exists():
                return captioner.caption(images)
            time.sleep(0.1)
        raise AssertionError(f"picture {following} is not read while those before it are captioned")

    out = tmp_path / "captions.jsonl"
    assert write_captions(describe, Noting(tmp_path / "read", 45), out, 20) == {"captions": 45, "unreadable": 0}
    assert captioner.asked == [20, 20, 5]
    assert [record["caption"] for record in records(out)] == [f"red {number}" for number in range(45)]


def test_no_more_than_the_next_batch_is_read_ahead(tmp_path):
    (tmp_path / "read").mkdir()

    def describe(images):
        time.sleep(1)
        raise RuntimeError("the machine went away")

    with pytest.raises(RuntimeError):
        write_captions(describe, Noting(tmp_path / "read", 100), tmp_path / "captions.jsonl", 8)
    assert 16 <= len(list((tmp_path / "read").iterdir())) <= 16 + 4


def test_what_cannot_be_read_in_a_shard_is_left_out_and_named(tmp_path, capfd):
    write_shard(tmp_path / "train-00.tar", 2, "a")
    data = (tmp_path / "train-00.tar").read_bytes()
    (tmp_path / "train-00.tar").write_bytes(data.replace(b"WEBP", b"WOBP", 1))
    written = write_captions(Counting().caption, open_pictures([tmp_path / "train-00.tar"]), tmp_path / "out", 8)
    assert written == {"captions": 1, "unreadable": 1, "unreadable_files": ["train-00.tar/a-0.webp"]}
    assert "train-00.tar/a-0.webp: This is not a picture that can be read here" in capfd.readouterr().err


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_holds_pictures(size, tmp_path):
    with pytest.raises(InputError, match=f"the batch size must be at least 1, not {size}"):
        write_captions(Counting().caption, Noting(tmp_path, 1), tmp_path / "out", size)


def test_nothing_to_caption_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="no pictures found"):
        open_pictures([tmp_path])
    with pytest.raises(InputError, match="either pictures or tar shards"):
        open_pictures([tmp_path / "a.tar", tmp_path / "a.png"])


def test_many_pictures_take_a_file(tmp_path, capsys):
    assert main(["caption", str(tmp_path)]) == 2
    assert "is no picture: name a file for the captions of many with -o" in capsys.readouterr().err


def test_command_writes_the_captioners_words(tmp_path, capsys):
    pipeline = tiny_pipeline()
    pipeline.save_pretrained(tmp_path / "model")
    (tmp_path / "photos").mkdir()
    draw_scene(128, 128).save(tmp_path / "photos" / "scene.png")
    out = tmp_path / "captions.jsonl"
    assert main(["caption", str(tmp_path / "photos"), "-o", str(out), "--model", str(tmp_path / "model")]) == 0
    assert json.loads(capsys.readouterr().out) == {"captions": 1, "unreadable": 0}
    assert records(out) == [{"file": "scene.png", "caption": pipeline.caption(draw_scene(128, 128))}]


def test_command_asks_the_captioner_that_is_named(tmp_path, blip2_folder, capsys):
    draw_scene(128, 128).save(tmp_path / "scene.png")
    photo, out = str(tmp_path / "scene.png"), tmp_path / "captions.jsonl"
    assert main(["caption", photo, "-o", str(out), "--captioner", str(blip2_folder)]) == 0
    capsys.readouterr()
    assert main(["caption", photo, "--captioner", str(blip2_folder)]) == 0
    assert [record["caption"] for record in records(out)] == capsys.readouterr().out.splitlines()
    out.unlink()
    assert main(["caption", photo, "-o", str(out), "--captioner", "none"]) == 2
    assert "this model has no captioner" in capsys.readouterr().err


def test_the_commands_batch_size_reaches_the_model(tmp_path, blip2_folder, capsys, monkeypatch):
    (tmp_path / "photos").mkdir()
    for number in range(21):
        Image.new("RGB", (32, 32), (number, 0, 0)).save(tmp_path / "photos" / f"{number:02}.png")
    asked, generate = [], Blip2ForConditionalGeneration.generate

    def counted(model, **options):
        asked.append(len(options["pixel_values"]))
        return generate(model, **options)

    monkeypatch.setattr(Blip2ForConditionalGeneration, "generate", counted)
    command = ["caption", str(tmp_path / "photos"), "-o", str(tmp_path / "out"), "--batch-size", "20"]
    assert main([*command, "--captioner", str(blip2_folder)]) == 0
    assert asked == [20, 1]
