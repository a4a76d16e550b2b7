"""The demo and the report as a person sees them (R18); what the README says of them."""

import re

from tests import transcripts
from tests.integration.conftest import ROOT, Toolbox


def test_demo(box: Toolbox) -> None:
    """R18: the report names allocators, wrappers, sites and types in 80 columns; the last line says what is next."""
    done = box.run("sh", ROOT / "examples" / "demo" / "run.sh")
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("heap of "))
    report = lines[start:-1]
    assert max(map(len, report)) <= 80
    text = "\n".join(report)
    for expected in (
        "malloc < xmalloc < arena_new memory.c:",
        "malloc < xcalloc < table_new words.c:",
        "arena < add words.c:",
        "malloc < shares words.c:",
        "struct entry",
        "arena hands out pieces of malloc's chunks",
    ):
        assert expected in text, expected
    assert lines[-1].startswith("Next, ")
    (shown,) = (block.text for block in transcripts.blocks(readme()) if block.text.startswith("heap of "))
    assert transcripts.agrees(shown.splitlines(), text.replace(str(ROOT), "/home/me/allocscc")), text
    command = lines[-1].split(": ", 1)[1]
    assert "arena_alloc: replace (entry-defined)" in box.run("sh", "-c", f"cd '{ROOT}' && {command}").stdout


def test_report_options(box: Toolbox) -> None:
    """R18: sorting, limiting and JSON show the same rows."""
    box.run("sh", ROOT / "examples" / "demo" / "run.sh")
    heap = ROOT / "build" / "demo" / "heap.json"
    rows = box.report(heap)
    keys = ["allocator", "wrappers", "file", "line", "column", "function", "callee", "type", "evidence"]
    keys += [f"{when}_{what}" for when in ("live", "peak", "total") for what in ("bytes", "chunks")]
    assert all(key in row for row in rows for key in keys)
    allocs = ROOT / "bin" / "allocs"
    everything = box.run(allocs, "report", "--top", "0", heap).stdout
    assert everything.count(" < ") >= len(rows)
    limited = box.run(allocs, "report", "--top", "1", "--sort", "live", heap).stdout
    assert f"({len(rows) - 1} more: --top 0 shows all)" in limited
    assert "shares words.c" in limited


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_figures_in_the_readme() -> None:
    """R18: what the README says of speed is in docs/performance.md, where it was measured, but for the rounding."""
    section = readme().partition("## How it compares")[2].partition("\n## ")[0]
    figures = re.findall(r"\d+\.\d+", section)
    assert len(figures) >= 8
    measured = re.findall(r"\d+\.\d+", (ROOT / "docs" / "performance.md").read_text(encoding="utf-8"))
    for figure in figures:
        digits = len(figure.partition(".")[2])
        assert any(f"{float(one):.{digits}f}" == figure for one in measured), figure


def test_commands_in_the_readme() -> None:
    """R18: the targets of make that it names exist."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^ +make (\w+) +#|`make (\w+)`", readme(), re.M))
    assert targets
    for target in filter(None, (name for pair in targets for name in pair)):
        assert re.search(rf"^{target}:", makefile, re.M), target
