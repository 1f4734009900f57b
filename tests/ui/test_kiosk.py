"""When the page shows slides by itself."""

import json
import re
from pathlib import Path

from percov2_demo.__main__ import FAILURE, main
from percov2_demo.ui.demo import build_demo
from percov2_demo.ui.kiosk import KIOSK_SCRIPT, Kiosk, Slide


def scripts(demo):
    return [entry["js"] for entry in demo.get_config_file()["dependencies"] if entry["js"]]


def test_the_script_gets_its_times():
    slides = (Slide(Path("lion.jpg")), Slide(Path("tower.jpg"), "a tower"))
    script = Kiosk(30, 4.5, 60, slides, shuffled=True, painters=True).script()
    assert KIOSK_SCRIPT.read_text() in script
    assert json.loads(re.search(r"\(({[^()]*})\)$", script).group(1)) == {
        **{"idle": 30, "show": 4.5, "patience": 60},
        **{"slides": 2, "shuffled": True, "painters": True},
    }


def test_one_painter_cannot_take_turns(capsys):
    assert main(["serve", "--kiosk", "--kiosk-painters"]) == FAILURE
    assert "offer another with --painter" in capsys.readouterr().err


def test_a_page_is_no_kiosk_unless_asked(fake):
    kiosk = Kiosk(30)
    assert kiosk.script() in scripts(build_demo(fake, kiosk))
    assert not any("kiosk" in str(script) for script in scripts(build_demo(fake)))
