"""Outcomes as table, JSON and JUnit's XML."""

import xml.etree.ElementTree as ET

from allocscc.rebuild.junit import junit
from allocscc.rebuild.model import Ended, Expected, Job, Outcome, Role, Step
from allocscc.rebuild.results import as_json, last_lines, table

STEPS = (Step(Role.BUILD, ("make",), "/"), Step(Role.RUN, ("./x",), "/"))
BUILT = Ended(Role.BUILD, 0, 1.0)


def outcome(name, status=0, reason="", log="", built=0):
    ended = (Ended(Role.BUILD, built, 1.0),) if built != 0 else (BUILT, Ended(Role.RUN, status, 0.25))
    return Outcome(Job(name, Expected.PASS, STEPS), ended, reason, log)


GOOD = outcome("good")
CRASHED = outcome("crash", -11, "it was ended by SIGSEGV", "one\ntwo\x1b[31m & <three>\n")
LATE = outcome("late", None, "running took more than 5 seconds")
BROKEN = outcome("broken", built=2, reason="it was not built: make exited with 2", log="error: x\n")
UNTRIED = Outcome(Job("later", Expected.ABORT, STEPS))
ALL = [GOOD, CRASHED, LATE, BROKEN, UNTRIED]


def test_table():
    """R17: built, ran, expectation met; nothing is wider than a terminal."""
    lines = table(ALL).splitlines()
    assert [line.split() for line in lines[2:7]] == [
        ["good", "yes", "exit", "0", "pass", "yes", "1.2", "s"],
        ["crash", "yes", "SIGSEGV", "pass", "NO", "1.2", "s"],
        ["late", "yes", "too", "long", "pass", "NO", "1.2", "s"],
        ["broken", "no", "-", "pass", "NO", "1.0", "s"],
        ["later", "-", "-", "abort", "-", "-"],
    ]
    assert lines[-1] == "4 of 5 tried: 1 as expected, 3 not; --keep-going tries all"
    assert max(map(len, lines)) == 80
    assert table([GOOD]).splitlines()[-1] == "1 tried: 1 as expected"


def test_last_lines():
    """R17: a log may hold what a terminal must not see."""
    assert last_lines(CRASHED, 1, "") == "crash: it was ended by SIGSEGV\n  two?[31m & <three>\n"
    assert last_lines(BROKEN, 9, "/l") == "broken: it was not built: make exited with 2 (all of it: /l)\n  error: x\n"


def test_json():
    """R17: the same for programs."""
    assert as_json(CRASHED, 1) == {
        "name": "crash", "tried": True, "built": True, "ran": "SIGSEGV", "status": -11, "expected": "pass",
        "met": False, "reason": "it was ended by SIGSEGV", "seconds": 1.25, "log": ["two\x1b[31m & <three>"],
    }  # fmt: skip
    untried = as_json(UNTRIED, 1)
    assert (untried["tried"], untried["built"], untried["ran"], untried["met"]) == (False, False, None, False)
    assert as_json(GOOD, 1)["log"] == []


def test_junit():
    """R17: counts, kinds of failures, and text that XML cannot hold."""
    suite = ET.fromstring(junit("tests", ALL, 5)).find("testsuite")
    assert suite is not None
    counts = {key: suite.get(key) for key in ("name", "tests", "failures", "errors", "skipped")}
    assert counts == {"name": "tests", "tests": "5", "failures": "3", "errors": "0", "skipped": "1"}
    found = {case.get("name"): [(child.tag, child.get("type")) for child in case] for case in suite}
    assert found == {
        "good": [],
        "crash": [("failure", "run")],
        "late": [("failure", "timeout")],
        "broken": [("failure", "build")],
        "later": [("skipped", None)],
    }
    assert suite.findtext("testcase[@name='crash']/failure") == "one\ntwo?[31m & <three>"


def test_junit_of_names_that_are_no_text():
    """R17: surrogates stand for bytes of a name."""
    assert b"b?d" in junit("x", [outcome("b\udcffd")], 5)
