"""Pictures in rows and columns, to look at."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont


THUMBNAIL = 256
"""Side in pixels of the square that a picture is scaled to fit."""

TITLE = 24
"""Height in pixels of the line of titles."""


def contact_sheet(titles: Sequence[str], rows: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """Rows of thumbnails under a line of column titles."""
    sheet = Image.new("RGB", (THUMBNAIL * len(titles), TITLE + THUMBNAIL * len(rows)), "white")
    draw = ImageDraw.Draw(sheet)
    for column, title in enumerate(titles):
        draw.text((THUMBNAIL * column + 6, 4), title, "black", ImageFont.load_default(14))
    for line, row in enumerate(rows):
        for column, image in enumerate(row):
            thumbnail = image.copy()
            thumbnail.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
            sheet.paste(thumbnail, (THUMBNAIL * column, TITLE + THUMBNAIL * line))
    return sheet
