"""How Python is started and stopped."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from percov2_demo.__main__ import FAILURE


ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.server


def test_an_interpreter_without_docstrings_is_refused_in_a_sentence(tmp_path):
    completed = subprocess.run(
        [sys.executable, "-OO", "-m", "percov2_demo", "serve"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert completed.returncode == FAILURE
    (line,) = completed.stderr.splitlines()
    assert line.startswith("error: the libraries need docstrings")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are Unix's")
def test_ctrl_c_while_the_commands_are_imported_is_one_line(tmp_path):
    """A command module that is still being imported, for as long as it takes."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, time\n"
        "class Slow:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'percov2_demo.commands':\n"
        "            print('importing', flush=True); time.sleep(60)\n"
        "sys.meta_path.insert(0, Slow())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "percov2_demo", "info"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "importing\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == FAILURE
    assert errors == "error: stopped\n"
