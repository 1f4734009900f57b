"""Finished pieces on disk."""

import pytest

from percov2_demo.evaluation.parts import Parts


class Maker:
    """Counts how often it is asked."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return {"rows": [{"psnr": float("inf"), "ms_ssim": None, "image": "é", "call": self.calls}]}


def test_a_part_is_made_once(tmp_path):
    make = Maker()
    first = Parts(tmp_path).get("a", {"steps": 2}, make)
    assert Parts(tmp_path).get("a", {"steps": 2}, make) == first
    assert make.calls == 1


def test_other_conditions_and_other_names_are_other_parts(tmp_path):
    make = Maker()
    for name, conditions in (("a", {"steps": 2}), ("a", {"steps": 3}), ("b", {"steps": 3})):
        Parts(tmp_path).get(name, conditions, make)
    assert make.calls == 3


def test_a_part_that_fails_is_not_there(tmp_path):
    def fail():
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        Parts(tmp_path).get("a", {}, fail)
    assert Parts(tmp_path).get("a", {}, Maker())["rows"][0]["call"] == 1


def test_cleared_parts_are_made_again(tmp_path):
    make, parts = Maker(), Parts(tmp_path / "parts")
    parts.get("a", {}, make)
    parts.clear()
    assert not (tmp_path / "parts").exists()
    assert parts.get("a", {}, make)["rows"][0]["call"] == 2
