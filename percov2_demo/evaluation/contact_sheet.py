"""Lay pictures out in rows and columns."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont


THUMBNAIL = 256
"""Side in pixels of the square that a picture is scaled to fit."""

TITLE = 24
"""Height in pixels of a line of text."""


def contact_sheet(
    titles: Sequence[str], rows: Sequence[Sequence[Image.Image]], notes: Sequence[Sequence[str]] = ()
) -> Image.Image:
    """Lay rows of thumbnails out under a line of column titles.

    Args:
        titles: A title for each column.
        rows: The pictures.
        notes: What stands beneath each picture, where anything does; may have several lines.
    """
    lines = max((note.count("\n") + 1 for row in notes for note in row), default=0)
    height = THUMBNAIL + TITLE * lines
    sheet = Image.new("RGB", (THUMBNAIL * len(titles), TITLE + height * len(rows)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for column, title in enumerate(titles):
        draw.text((THUMBNAIL * column + 6, 4), title, "black", font)
    for line, row in enumerate(rows):
        for column, image in enumerate(row):
            thumbnail = image.copy()
            thumbnail.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
            sheet.paste(thumbnail, (THUMBNAIL * column, TITLE + height * line))
    for line, texts in enumerate(notes):
        for column, note in enumerate(texts):
            draw.text((THUMBNAIL * column + 6, TITLE + height * line + THUMBNAIL + 4), note, "black", font)
    return sheet
