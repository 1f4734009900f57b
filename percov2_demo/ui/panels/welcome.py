"""What stands in a result's place before the first: real results of the examples, painted before."""

from percov2_demo.ui.examples import example_results
from percov2_demo.ui.render.wording import format_size
from percov2_demo.ui.templates import render


def welcome_html(identity: str) -> str:
    """Invite to the first compression, with what the model made of the examples, where that is known.

    Args:
        identity: The model's identity.
    """
    rows = [
        [{"url": picture.url, "preset": picture.preset, "told": format_size(picture.size)} for picture in row]
        for row in example_results(identity)
    ]
    return render("panels/welcome.html", rows=rows)
