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
