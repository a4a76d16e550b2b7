"""Where output goes: files in one step, exports, progress on a terminal only."""

import io
import json
import os
import sys
import types

import pytest

from allocscc.cli.main import main
from allocscc.cli.output import terminal, write_output
from allocscc.cli.progress import working
from allocscc.errors import UsageError
from tests.unit.report.test_profile import BODY


class Screen(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def heap(tmp_path):
    """The path of a profile with one row."""
    path = tmp_path / "heap.json"
    path.write_text(json.dumps(BODY))
    return path


def test_a_file_is_replaced_in_one_step(tmp_path):
    path = tmp_path / "out"
    path.write_text("before")
    (tmp_path / "link").symlink_to("out")
    write_output(str(tmp_path / "link"), "after\udcff")
    assert path.read_bytes() == b"after\xff"
    assert sorted(os.listdir(tmp_path)) == ["link", "out"]


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        write_output(str(tmp_path / "missing" / "out"), "text")
    assert os.listdir(tmp_path) == []


def test_a_profile_stays(heap):
    before = heap.read_bytes()
    with pytest.raises(UsageError, match="would be overwritten"):
        write_output(str(heap), "<html>")
    assert heap.read_bytes() == before


def test_a_device_is_written_to():
    write_output("/dev/null", b"anything")
    assert not os.path.isfile("/dev/null")


@pytest.mark.parametrize(
    ("env", "color"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)]
)
def test_colours(env, color, monkeypatch):
    """Issue 7, 1: on a terminal only, and as NO_COLOR (no-color.org) and TERM say."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "90")
    assert terminal(Screen()) == (90, color)
    assert terminal(io.StringIO()) == (None, False)


def test_progress_of_slow_work(monkeypatch):
    """Issue 7, 1: said on a terminal, where it takes long."""
    import time

    for screen, delay, said in ((Screen(), 0.01, True), (Screen(), 60.0, False), (io.StringIO(), 0.01, False)):
        monkeypatch.setattr(sys, "stderr", screen)
        with working("reading", delay):
            end = time.monotonic() + (10 if said else 0.1)
            while "reading" not in screen.getvalue() and time.monotonic() < end:
                time.sleep(0.01)
        assert ("reading" in screen.getvalue()) == said


@pytest.fixture
def formats(monkeypatch):
    """Renderers that note what they are given."""
    seen = {}

    def renderer(name, made):
        def render(profile, **options):
            seen[name] = (len(profile.rows), options)
            return made

        return types.SimpleNamespace(render=render)

    for name in ("html", "pprof", "folded", "dhat", "massif"):
        made = b"\x1f\x8b" if name == "pprof" else f"<{name}>"
        monkeypatch.setitem(sys.modules, f"allocscc.report.{name}", renderer(name, made))
    return seen


def report(*words):
    """The status of `allocs report WORDS`."""
    with pytest.raises(SystemExit) as ended:
        main(["report", *map(str, words)])
    return ended.value.code


def test_exports(heap, tmp_path, formats, capsysbinary):
    """Issue 7, 2: each format into its file, with the rows that filters leave; no table."""
    files = {name: tmp_path / f"x.{name}" for name in ("html", "pprof", "dhat", "massif")}
    words = [word for name, path in files.items() for word in (f"--{name}", path)]
    assert report(heap, *words, "--folded", "-", "--hide-wrappers", "--sort", "total", "--type", "int") == 0
    assert capsysbinary.readouterr().out == b"<folded>"
    assert files["pprof"].read_bytes() == b"\x1f\x8b"
    assert files["html"].read_text() == "<html>"
    assert formats["pprof"] == (1, {"hide_wrappers": True})
    assert formats["folded"] == (1, {"count": "total_bytes"})
    assert report(heap, "--html", files["html"], "--type", "long") == 0
    assert formats["html"] == (0, {})


def test_an_export_needs_a_profile(heap, formats, capsys):
    """Issue 7, 2: `allocs report --html heap.json` takes the profile for the page's name; it survives."""
    assert report("--html", heap) == 64
    assert "which profile?" in capsys.readouterr().err
    assert json.loads(heap.read_text()) == BODY


def test_profiles_and_leaks_are_not_mixed(heap, tmp_path, capsys):
    lost = tmp_path / "l.json"
    lost.write_text('{"allocscc_leaks": 1, "program": "/bin/x", "rows": []}')
    assert report(heap, lost) == 64
    assert "one after the other" in capsys.readouterr().err
    assert report(lost) == 0
    assert capsys.readouterr().out == "leaks of /bin/x\n  nothing was lost\n"
