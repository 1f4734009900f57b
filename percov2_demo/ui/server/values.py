"""Check what a request holds for each kind of component: gradio (6.31) lets a program send anything for most."""

import math
from typing import Any

import gradio as gr
from gradio.components import Component


ADDRESS_SENTENCE = "Send the file itself: this server fetches nothing from other addresses."


def checked(block: Component, value: Any) -> Any:
    """Check a value, and return it as the component's handlers expect it.

    Args:
        block: The component, as this visitor has it.
        value: What was sent for it.

    Raises:
        gr.Error: A choice is none of those on offer, or a file is an address.
        ValueError: The value is of another kind.
    """
    _refuse_addresses(value)
    match block:
        case gr.Textbox():
            _require(value is None or isinstance(value, str))
            return value or ""
        case gr.Checkbox():
            _require(isinstance(value, bool))
        case gr.Number() | gr.Slider():
            _require(_is_number(value) or (value is None and isinstance(block, gr.Number)))
            # A slider's step is 1 where only whole numbers are meant.
            _require(not isinstance(block, gr.Slider) or block.step != 1 or value == int(value))
        case gr.CheckboxGroup():
            _require(isinstance(value, list))
            _require_choices(block, value)
            # Each once: the number of pictures is the product of such lists.
            return list(dict.fromkeys(value))
        case gr.Radio() | gr.Dropdown() if value is None and block.value is None:
            pass  # A question that nobody has answered yet.
        case gr.Radio() | gr.Dropdown():
            _require_choices(block, [value])
        case gr.File() | gr.Image():
            path = value.get("path") if isinstance(value, dict) else None
            _require(value is None or (isinstance(path, str) and path != ""))
    return value


def _refuse_addresses(value: Any) -> None:
    """Refuse files named by an address: gradio fetches them from anywhere, of any size, into memory."""
    if isinstance(value, dict):
        if str(value.get("path")).lower().startswith(("http:", "https:")):
            raise gr.Error(ADDRESS_SENTENCE, print_exception=False)
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            _refuse_addresses(part)


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError("the value is of another kind")


def _require_choices(block: gr.CheckboxGroup | gr.Radio | gr.Dropdown, values: list[Any]) -> None:
    choices = [choice for _, choice in block.choices]
    if any(value not in choices for value in values):
        names = ", ".join(map(str, choices))
        raise gr.Error(f"{block.label}: choose among {names}.", print_exception=False)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
