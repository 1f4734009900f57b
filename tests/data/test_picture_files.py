"""Which files of a folder are pictures."""

from percov2_demo.captioning.batch import open_pictures
from percov2_demo.data.picture_files import ENDINGS, is_picture
from percov2_demo.evaluation.protocol import list_pictures


def test_pictures_are_told_by_their_names(tmp_path):
    for name in ("a.png", "B.TIFF", "notes.txt", "._a.png", "png"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert sorted(path.name for path in filter(is_picture, tmp_path.iterdir())) == ["B.TIFF", "a.png"]


def test_what_is_captioned_is_what_is_evaluated(tmp_path):
    for number, ending in enumerate(ENDINGS):
        (tmp_path / f"{number}{ending}").touch()
    pictures = open_pictures([tmp_path])
    assert [pictures.file(number) for number in range(len(pictures))] == [
        picture.path.name for picture in list_pictures(tmp_path, None, "crop")
    ]
