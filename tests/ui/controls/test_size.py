"""The slider for the target size."""

import re
from itertools import pairwise

from percov2_demo.ui.controls.size import LARGEST, POSITIONS, SMALLEST, SizeControl, bytes_at, position_of


def test_the_scale_is_logarithmic():
    sizes = [bytes_at(position) for position in range(1, POSITIONS + 1)]
    assert (sizes[0], sizes[-1]) == (SMALLEST, LARGEST)
    assert all(1.02 < after / before < 1.08 for before, after in pairwise(sizes))
    assert {100, 200, 300, 500, 1000, 2000, 5000} < set(sizes)


def test_positions_are_found_again():
    assert all(position_of(bytes_at(position)) == position for position in range(1, POSITIONS + 1))


def test_what_it_stands_for_is_said(blocks):
    assert "the preset as it is" in SizeControl("size", {}).told.value
    assert "2,000 bytes" in SizeControl("other", {}, position_of(2000), optional=False).told.value


def test_presets_have_their_names_where_their_sizes_are(blocks):
    drawn = SizeControl("size", {"ultra-low": 64.4, "low": 264.2}).told.value
    for name, size in (("ultra-low", 64.4), ("low", 264.2), ("6,000 bytes", LARGEST)):
        assert re.search(f'x="{position_of(size)}%"[^>]*>{name}<', drawn)
