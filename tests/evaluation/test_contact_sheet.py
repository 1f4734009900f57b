"""The sheet's geometry."""

from PIL import Image

from percov2_demo.evaluation.contact_sheet import THUMBNAIL, TITLE, contact_sheet


def test_pictures_stand_in_their_cells_with_their_shape_kept():
    red, blue = Image.new("RGB", (512, 256), "red"), Image.new("RGB", (512, 512), "blue")
    sheet = contact_sheet(["one", "two"], [[red, blue], [blue]])
    assert sheet.size == (2 * THUMBNAIL, TITLE + 2 * THUMBNAIL)
    assert sheet.getpixel((10, TITLE + 10)) == (255, 0, 0)
    assert sheet.getpixel((10, TITLE + THUMBNAIL // 2 + 10)) == (255, 255, 255)
    assert sheet.getpixel((THUMBNAIL + 10, TITLE + 10)) == (0, 0, 255)
    assert sheet.getpixel((10, TITLE + THUMBNAIL + 10)) == (0, 0, 255)


def test_notes_stand_beneath_their_pictures():
    red = Image.new("RGB", (256, 256), "red")
    sheet = contact_sheet(["one", "two"], [[red, red], [red, red]], [["", "a\nb"], ["", ""]])
    assert sheet.size == (2 * THUMBNAIL, TITLE + 2 * (THUMBNAIL + 2 * TITLE))
    beneath = (TITLE + THUMBNAIL, TITLE + THUMBNAIL + 2 * TITLE)
    left, right = (sheet.crop((x, beneath[0], x + THUMBNAIL, beneath[1])) for x in (0, THUMBNAIL))
    assert left.getextrema() == ((255, 255),) * 3
    assert right.getextrema()[0][0] < 100
    assert sheet.getpixel((10, beneath[1] + 10)) == (255, 0, 0)
