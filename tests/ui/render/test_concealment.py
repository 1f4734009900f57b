"""What was lost, as the page shows it."""

import re

import numpy as np

from percov2_demo.ui.render.concealment import concealment_html


def test_lost_tokens_are_told_apart():
    sent = np.arange(16).reshape(4, 4)
    filled = sent.copy()
    filled[0, 3] = 9
    html = concealment_html(sent, filled, [6, 3])
    squares = dict(re.findall(r'<path class="tokens (\w+)" d="(.*?)"', html))
    assert squares["met"] == "M2 1h1v1h-1z"
    assert squares["missed"] == "M3 0h1v1h-1z"
    assert squares["kept"].count("M") == 14
    assert "<b>2 of 16 tokens lost.</b>" in html
    assert 'aria-label="2 lost tokens of 16, 1 of them filled in as they were sent"' in html


def test_nothing_lost():
    sent = np.arange(4).reshape(2, 2)
    assert "<b>0 of 4 tokens lost.</b>" in concealment_html(sent, sent, [])
