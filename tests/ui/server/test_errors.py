"""What visitors read when something fails."""

import asyncio
import errno
import logging

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from percov2_demo.bitstream import Bitstream
from percov2_demo.errors import ModelError
from percov2_demo.images import fit_image, load_image
from percov2_demo.presets import get_preset
from percov2_demo.ui.demo import build_demo
from percov2_demo.ui.server.errors import GENERIC_SENTENCE, friendly
from percov2_demo.ui.server.gradio_internals import FriendlyBlocks
from tests.ui.fakes import FakePipeline


def raised_by(function, *args):
    with pytest.raises(Exception) as caught:
        function(*args)
    return caught.value


@pytest.mark.parametrize(
    ("function", "args", "words"),
    [
        (load_image, (b"junk",), "not a picture"),
        (Bitstream.from_bytes, (b"bad",), "cut short"),
        (fit_image, (None, "stretch"), "Unknown fit"),
    ],
)
def test_errors_of_ours_keep_their_sentence(function, args, words):
    error = raised_by(friendly(function), *args)
    assert isinstance(error, gr.Error)
    assert words in error.message
    assert error.message[0].isupper()
    assert error.message.endswith(".")
    assert not error.print_exception


def fail_with(error):
    raise error


def test_quotes_of_what_was_sent_are_no_markup():
    error = raised_by(friendly(get_preset), "<img src=x>")
    assert "&lt;img src=x&gt;" in error.message


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("/home/someone/model.safetensors is broken"),
        FileNotFoundError(2, "No such file", "/home/someone/photo.jpg"),
        ValueError("shape [1, 2] of a tensor"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        KeyError("latents"),
    ],
)
def test_other_errors_say_nothing_of_themselves_but_are_logged(error, caplog):
    with caplog.at_level(logging.ERROR):
        visible = raised_by(friendly(fail_with), error)
    assert visible.message == GENERIC_SENTENCE
    assert "Traceback" in caplog.text
    assert type(error).__name__ in caplog.text


def test_generators():
    @friendly
    def steps():
        yield 1
        yield 2
        get_preset("tiny")

    iterator = steps()
    assert [next(iterator), next(iterator)] == [1, 2]
    assert "Unknown preset 'tiny'" in raised_by(next, iterator).message


def test_closing_a_generator_reaches_the_handler():
    closed = []

    @friendly
    def steps():
        try:
            yield 1
        finally:
            closed.append(True)

    iterator = steps()
    next(iterator)
    iterator.close()
    assert closed == [True]


def test_gradio_errors_pass():
    error = gr.Error("Choose a photo first.")
    assert raised_by(friendly(fail_with), error) is error


def test_a_library_error_says_nothing_of_itself_though_a_frame_of_ours_raises_it(monkeypatch):
    monkeypatch.setitem(globals(), "__name__", "percov2_demo.somewhere")
    assert raised_by(friendly(int), "/home/someone/secret").message == GENERIC_SENTENCE
    assert raised_by(friendly(lambda pair: [0 for _, _ in pair]), [(1, 2, 3)]).message == GENERIC_SENTENCE


def test_a_damaged_model_keeps_its_sentence():
    error = raised_by(friendly(fail_with), ModelError("the captioner's model.safetensors is damaged: fetch it again"))
    assert error.message == "The captioner's model.safetensors is damaged: fetch it again."


@pytest.fixture(scope="module")
def demo():
    return build_demo(FakePipeline())


@pytest.mark.parametrize("value", [10**9, {"path": "/etc/passwd"}])
def test_crafted_values_are_answered_in_a_sentence(demo, value):
    """In each event of the page; a number in the place of a tick once took all of the machine's memory."""
    refused, state = 0, SessionState(demo)
    for function in demo.fns.values():
        for count in {1, len(function.inputs)}:
            values = [block.value if hasattr(block, "value") else None for block in function.inputs]
            values[len(values) - count :] = [value] * count
            try:
                asyncio.run(demo.process_api(function, values, state=state))
            except gr.Error as error:
                refused += 1
                assert not error.print_exception
                assert "/" not in error.message
                assert "\n" not in error.message
    assert refused > len(demo.fns) / 2


def test_what_fails_after_the_handler_is_said_too(tmp_path):
    full = OSError(errno.ENOSPC, "No space left on device", str(tmp_path))
    with FriendlyBlocks() as blocks:
        shown = gr.Textbox()
        shown.postprocess = lambda _: fail_with(full)
        blocks.load(lambda: "text", outputs=shown)
    (function,) = blocks.fns.values()
    error = raised_by(asyncio.run, blocks.process_api(function, [], state=SessionState(blocks)))
    assert isinstance(error, gr.Error)
    assert str(tmp_path) not in error.message
