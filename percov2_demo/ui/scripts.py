"""JavaScript for what the page does without asking the server."""

import json
from collections.abc import Mapping, Sequence


def lookup_script(table: Mapping[str, float]) -> str:
    """A component's value to the table's."""
    return f"(key) => ({json.dumps(table)})[key]"


def forget_script(values: Sequence[str]) -> str:
    """Empties a text that is one of the values."""
    return f'(text) => {json.dumps(values)}.includes(text) ? "" : text'


def random_script(end: int) -> str:
    """A random whole number from 0 to below `end`."""
    return f"() => Math.floor(Math.random() * {end})"


def scroll_script(element_id: str) -> str:
    """Brings an element into view where it is not, as on a phone."""
    return f"""() => {{
        const element = document.getElementById("{element_id}");
        if (element.getBoundingClientRect().top > innerHeight / 2) element.scrollIntoView({{ behavior: "smooth" }});
    }}"""
