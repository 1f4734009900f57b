"""What the tabs of one page share."""

from pathlib import Path

from percov2_demo.ui.examples import example_photos
from percov2_demo.ui.session.page_state import Session


def test_what_the_page_offers_is_known_by_what_is_in_it(tmp_path, blocks, saved_picture):
    session = Session.create(blocks, slides=[Path(saved_picture), tmp_path / "gone.png"])
    for path in (*(path for path, _ in example_photos()), saved_picture):
        copy = tmp_path / "photo.jpg"
        copy.write_bytes(Path(path).read_bytes())
        assert not session.is_own(copy)
        copy.write_bytes(copy.read_bytes()[:-1] + b"?")
        assert session.is_own(copy)
    assert session.is_own(tmp_path / "gone.jpg")
