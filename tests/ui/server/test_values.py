"""What programs send and no page would."""

import gradio as gr
import pytest

from percov2_demo.ui.server.values import ADDRESS_SENTENCE, checked


FILE = {"path": "/a/b.png", "url": None, "meta": {"_type": "gradio.FileData"}}


@pytest.mark.parametrize(
    ("component", "value", "expected"),
    [
        (gr.Textbox(), "<b>", "<b>"),
        (gr.Textbox(), None, ""),
        (gr.Checkbox(), True, True),
        (gr.Number(), None, None),
        (gr.Number(minimum=0, maximum=1), 7, 7),
        (gr.Slider(0, 1, step=0.1), 0.5, 0.5),
        (gr.Slider(0, 10, step=1), 3.0, 3.0),
        (gr.Radio([("A", "a"), ("B", "b")]), "b", "b"),
        (gr.Radio(["a"]), None, None),
        (gr.CheckboxGroup([("1", 1), ("2", 2)]), [2, 1, 2, 2], [2, 1]),
        (gr.CheckboxGroup(["a"]), [], []),
        (gr.File(), None, None),
        (gr.File(), FILE, FILE),
        (gr.Image(), FILE, FILE),
        (gr.JSON(), [1, {"a": None}], [1, {"a": None}]),
    ],
)
def test_what_pages_send_passes(component, value, expected):
    assert checked(component, value) == expected


@pytest.mark.parametrize(
    ("component", "values"),
    [
        (gr.Textbox(), [1, ["a"], {"a": 1}, True]),
        (gr.Checkbox(), [10**9, None, "true", [True]]),
        (gr.Number(), ["1", True, [1], float("nan"), float("inf"), {}]),
        (gr.Slider(0, 1), [None, "1", float("nan")]),
        (gr.Slider(0, 10, step=1), [1.5]),
        (gr.CheckboxGroup(["a"]), [None, "a", {"a": 1}]),
        (gr.File(), [{}, {"path": None}, {"path": ""}, {"path": 5}, 5, [FILE]]),
        (gr.Image(), [{"url": "x"}, {"path": None, "url": "http://127.0.0.1/"}]),
    ],
)
def test_other_kinds_are_refused(component, values):
    for value in values:
        with pytest.raises(ValueError, match="another kind"):
            checked(component, value)


def test_choices_are_those_on_offer():
    for component, value in (
        (gr.Radio([("A", "a"), ("B", "b")], label="Fit"), "c"),
        (gr.Radio([("A", "a"), ("B", "b")], label="Fit"), ["a"]),
        (gr.Dropdown(["a", "b"], label="Fit"), {"a": 1}),
        (gr.CheckboxGroup(["a", "b"], label="Fit"), ["a", "c"]),
        (gr.CheckboxGroup(["a", "b"], label="Fit"), [["a"]]),
    ):
        with pytest.raises(gr.Error, match="Fit: choose among a, b"):
            checked(component, value)


@pytest.mark.parametrize("address", ["http://127.0.0.1/a.png", "https://example.com/a.png", "HTTP://[::1]/"])
def test_the_server_fetches_nothing(address):
    file = FILE | {"path": address}
    for component, value in ((gr.File(), file), (gr.JSON(), [{"a": file}]), (gr.HTML(), file)):
        with pytest.raises(gr.Error, match=ADDRESS_SENTENCE):
            checked(component, value)
