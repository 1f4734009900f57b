"""A remark in the page's running text."""

from percov2_demo.ui.templates import render


def note_html(text: str, lead: str = "", is_muted: bool = False) -> str:
    """Return a remark as a paragraph.

    Args:
        text: The remark.
        lead: What stands before it in bold.
        is_muted: Whether it is an aside.
    """
    return render("render/note.html", text=text, lead=lead, is_muted=is_muted)
