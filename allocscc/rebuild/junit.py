"""Outcomes as JUnit's XML, the format that CI services read (https://github.com/testmoapp/junitxml describes it)."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from allocscc.rebuild.model import Outcome, Role


def junit(suite: str, outcomes: Sequence[Outcome], lines: int) -> bytes:
    """The file.

    Args:
        suite: the name of the whole, such as the tree's folder.
        outcomes: of all jobs; those that were not tried are skipped tests.
        lines: how many of a log's last lines are quoted where something is not as expected.
    """
    top = ET.Element("testsuites")
    counts = {
        "tests": len(outcomes),
        "failures": sum(bool(outcome.reason) for outcome in outcomes),
        "errors": 0,
        "skipped": sum(not outcome.tried for outcome in outcomes),
    }
    seconds = sum(outcome.seconds for outcome in outcomes)
    attributes = {"name": _clean(suite), **{k: str(v) for k, v in counts.items()}, "time": f"{seconds:.3f}"}
    whole = ET.SubElement(top, "testsuite", attributes)
    for outcome in outcomes:
        values = {"classname": _clean(suite), "name": _clean(outcome.job.name), "time": f"{outcome.seconds:.3f}"}
        test = ET.SubElement(whole, "testcase", values)
        if not outcome.tried:
            ET.SubElement(test, "skipped", message="not tried")
        elif outcome.reason:
            role = outcome.ended[-1].role
            late = outcome.ended[-1].status is None
            kind = "timeout" if late else "build" if role == Role.BUILD else "run"
            failure = ET.SubElement(test, "failure", message=_clean(outcome.reason), type=kind)
            failure.text = _clean("\n".join(outcome.log.splitlines()[-lines:]))
    ET.indent(top)
    data: bytes = ET.tostring(top, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _clean(text: str) -> str:
    """The text with `?` for what XML 1.0 has no way to say."""
    return "".join(c if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff" else "?"
                   for c in text)  # fmt: skip
