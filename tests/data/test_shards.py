"""Photos out of tar shards."""

import json
import tarfile
from pathlib import Path

import pytest

from percov2_demo.data.shards import PhotoShards, read_shards
from percov2_demo.errors import InputError
from tests.shards import write_shard


def test_photos_of_all_shards(tmp_path):
    write_shard(tmp_path / "train-01.tar", 2, "b")
    write_shard(tmp_path / "train-00.tar", 3, "a")
    photos = read_shards(tmp_path.glob("train-*.tar"))
    assert [photo.source for photo in photos] == ["a", "a", "a", "b", "b"]
    assert photos[4].captions == ("photo 1 of b",)
    assert photos[4].pixels().shape == (64, 80, 3)
    assert photos[4].pixels()[0, 0].tolist() == [1, 0, 0]


def test_no_photos_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="no training photos"):
        read_shards(tmp_path.glob("*.tar"))


def test_photos_stay_in_their_shards_until_they_are_asked_for(tmp_path, monkeypatch):
    """The second time the shards are not even looked through, unless one has changed."""
    for name in ("train-00", "train-01"):
        write_shard(tmp_path / f"{name}.tar", 2, name)
    paths = sorted(tmp_path.glob("*.tar"))
    first = PhotoShards(paths, tmp_path / "index")
    assert len(first) == 4 and first.file(3) == "train-01.tar/train-01-1.webp"
    assert first[3].captions == ("photo 1 of train-01",)
    assert [source.decode() for source in first.sources] == ["train-00", "train-00", "train-01", "train-01"]
    looked_through, open_shard = [], tarfile.open

    def noted(path, mode):
        if mode != "w":
            looked_through.append(Path(path).stem)
        return open_shard(path, mode)

    monkeypatch.setattr(tarfile, "open", noted)
    assert PhotoShards(paths, tmp_path / "index")[0] == first[0]
    assert looked_through == []
    write_shard(paths[1], 30, "train-01")
    assert len(PhotoShards(paths, tmp_path / "index")) == 32
    assert looked_through == ["train-01"]


def test_captions_of_a_file_go_before_the_shards(tmp_path):
    write_shard(tmp_path / "train-00.tar", 3, "a")
    lines = [
        {"file": "other.tar/a-0.webp", "caption": "x"},
        {"file": "train-00.tar/a-1.webp", "caption": "ein Schloß"},
    ]
    path = tmp_path / "captions.jsonl"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    photos = PhotoShards([tmp_path / "train-00.tar"], captions=path)
    assert [photo.captions[0] for photo in photos] == ["photo 0 of a", "ein Schloß", "photo 2 of a"]
    path.write_text("train-00.tar/a-1.webp: a castle\n")
    with pytest.raises(InputError, match="one JSON object a line"):
        PhotoShards([tmp_path / "train-00.tar"], captions=path)


def test_what_is_no_shard_is_refused_by_name(tmp_path):
    (tmp_path / "train-00.tar").write_bytes(b"no tar at all" * 100)
    with pytest.raises(InputError, match=r"train-00\.tar is no tar shard"):
        PhotoShards([tmp_path / "train-00.tar"])
