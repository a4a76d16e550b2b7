"""The proof of a link, for people: what differs, grouped by who caused it (R15)."""

import shlex
import textwrap
from typing import Any

_WIDTH = 120
_SHOWN = 6  # names of one kind that are printed; all are in the JSON
# Causes that are about the link as a whole; decisions about functions come before them.
_WHOLE = ("plan: ", "scripts: ", "register: ", "register, ", "runtime: ", "runtime-interposes: ", "kept-needed: ")
_IN_FULL = ("option", "needed", "property")


def verdict_text(result: dict[str, Any]) -> str:
    """The report of `allocs explain --verify`, from what its JSON says."""
    explained, unexplained = result["explained"], result["unexplained"]
    count = len(explained) + len(unexplained)
    lines = [f"{shlex.join(result['command'])}  [{result['linker']}]"]
    by_cause: dict[str, list[dict[str, Any]]] = {}
    for one in explained:
        by_cause.setdefault(one["cause"], []).append(one["line"])
    for cause, found in sorted(by_cause.items(), key=lambda one: one[0].startswith(_WHOLE)):
        lines += ["", cause, *_grouped(found)]
    if result["idle"]:
        lines += ["", "decisions that had nothing to do:", *(f"    {text}" for text in result["idle"])]
    if result["said"]:
        lines += ["", "our link phase said:", *(f"    {text}" for text in result["said"].splitlines())]
    if unexplained:
        lines += [
            "",
            "NOT EXPLAINED by any decision:",
            *(f"  {one['sign']} {one['kind']} {one['text']}" for one in unexplained),
        ]
    if result["traceless"]:
        lines += ["", "decisions that left NO TRACE:", *(f"    {text}" for text in result["traceless"])]
    if result["problems"]:
        lines += ["", "WRONG:", *(f"    {text}" for text in result["problems"])]
    what = "1 difference" if count == 1 else f"{count} differences" if count else "no difference"
    wrong = len(unexplained) + len(result["traceless"]) + len(result["problems"])
    end = f"not proved: {wrong} to look at" if wrong else "every one has a cause, every decision its trace"
    return "\n".join([*lines, "", f"{what} between the vanilla link and ours: {end}", ""])


def _name(line: dict[str, Any]) -> str:
    """A line in a list of many."""
    if line["kind"] == "section":
        return str(line["text"])
    return str(line["name"]).rpartition("/")[2] if line["kind"] == "input" else str(line["name"])


def _grouped(found: list[dict[str, Any]]) -> list[str]:
    """Lines of one cause, those of a kind together."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in found:
        groups.setdefault((line["kind"], line["sign"]), []).append(line)
    lines = []
    for (kind, sign), members in groups.items():
        if len(members) <= 3 or kind in _IN_FULL:
            lines += [f"  {sign} {kind} {line['text']}" for line in members]
            continue
        names = [_name(line) for line in members]
        more = f" … and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        text = f"  {sign} {len(names)} {kind}s: {', '.join(names[:_SHOWN])}{more}"
        lines += textwrap.wrap(text, _WIDTH, subsequent_indent=" " * 6, break_long_words=False, break_on_hyphens=False)
    return lines
