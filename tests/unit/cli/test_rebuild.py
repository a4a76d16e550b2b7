"""`allocs rebuild`: progress for people only, and a word about builds that did not take our compiler."""

import io
import sys

import pytest

from allocscc.cli.rebuild import _progress, _warn_of_others
from allocscc.rebuild.model import Ended, Expected, Job, Outcome, Role


class Screen(io.StringIO):
    """A stream that may say that it is a terminal."""

    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


def outcome(name, reason=""):
    return Outcome(Job(name, Expected.PASS, ()), (Ended(Role.RUN, 0, 1.0),), reason)


@pytest.mark.parametrize("terminal", [True, False])
def test_progress(monkeypatch, terminal):
    """R17: nothing of it goes into a file."""
    screen = Screen(terminal)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    with _progress(2) as tell:
        tell(outcome("[first]"))
        tell(outcome("second", "it exited with 1"))
    said = screen.getvalue()
    assert ("2 of 2: second FAILED" in said) == terminal
    assert bool(said) == terminal


@pytest.mark.parametrize(("ours", "others", "warned"), [(0, 2, True), (1, 2, False), (0, 0, False)])
def test_warning(capsys, ours, others, warned):
    _warn_of_others(ours, others, "/tree")
    assert ("none of the 2 programs" in capsys.readouterr().err) == warned
