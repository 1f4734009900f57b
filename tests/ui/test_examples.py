"""Photos to try."""

from pathlib import Path

from percov2_demo.ui.examples import EXAMPLE_NAMES, example_photos, is_example


def test_examples_are_known_by_what_is_in_them(tmp_path):
    for (path, caption), name in zip(example_photos(), EXAMPLE_NAMES, strict=True):
        copy = tmp_path / "photo.jpg"
        copy.write_bytes(Path(path).read_bytes())
        assert is_example(copy)
        assert (Path(path).stem, bool(caption)) == (name, True)
        copy.write_bytes(copy.read_bytes()[:-1] + b"?")
        assert not is_example(copy)
    assert not is_example(tmp_path / "gone.jpg")
