"""The viewer's markup; what it does is tried in the browser."""

from percov2_demo.ui.panels.comparison import comparison_html


def test_both_pictures_have_alternative_texts_and_a_divider_for_keys():
    html = comparison_html("/tmp/a b.png", "/tmp/c.png", (640, 480))
    assert 'src="gradio_api/file=/tmp/a%20b.png" alt="The original photo' in html
    assert 'src="gradio_api/file=/tmp/c.png" alt="The photo painted back' in html
    assert 'role="slider" tabindex="0"' in html
    assert "--ratio:1.3333" in html
    assert "From the file" in html


def test_a_preview_is_not_called_the_result():
    html = comparison_html("a.png", "b.png", (512, 512), is_preview=True)
    assert "Preview" in html
    assert "From the file" not in html


def test_a_photo_alone_has_nothing_to_compare():
    html = comparison_html("a.png", None, (512, 512))
    assert html.count("<img") == 1
    assert "slider" not in html
