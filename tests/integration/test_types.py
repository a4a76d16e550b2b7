"""The corpus of tests/programs/types: every allocation call of it has the type that stands beside it (R4).

A comment at the end of a line tells of the line's calls, in the order of the columns that they are given:

    p = malloc(n * sizeof *p); //= struct point [sizeof]

`//= none` is a call of which no type can be known. In front of a type may stand what is called (`calloc: long
[sizeof]`, or `malloc|calloc: …` where the optimiser may change it); behind it the function, where it is not the one
whose definition begins in the first column (`[new] in ns::engine::run`), and the place, where it is not this line
(`@grammar.y:102`; `@macros.c:-1` is the line above, `@list.h:*` any line of a header). `or` separates what is as good,
`;` the calls. Calls behind `//?` may be missing at any level of optimisation, and may be without a type: but they never
have another one.

A file's first lines may say `// std: gnu89`, `// compilers: gcc`, `// levels: -O0`.
"""

import re
import shutil
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest

from allocscc.compile.columns import SourceLines
from allocscc.compile.scan import parse, scan
from allocscc.compile.source import Sized
from allocscc.config.signature import parse_signature
from allocscc.values import asdict
from tests.integration.conftest import PROGRAMS, Toolbox, need

CORPUS = PROGRAMS / "types"
FILES = sorted(path.name for path in CORPUS.iterdir() if path.suffix in (".c", ".cc"))
ANYWHERE = "1000000"
LEVELS = ("-O0", "-O1", "-O2", "-O3")
COMPILERS = {".c": ("gcc", "clang"), ".cc": ("g++", "clang++")}
_COMMENT = re.compile(r"/[/*]([=?]) (.*?)(?: ?\*/)?$")
_ENTRY = re.compile(
    r"(?:(?P<callee>(?:operator new\[\]|[^\[])+?): )?(?P<type>none|.+?)(?: \[(?P<evidence>[\w-]+)\])?"
    r"(?: in (?P<function>.+?))?(?: @(?P<file>[\w.]+):(?P<line>-?\d+|\*))?"
)
_FUNCTION = re.compile(r"(?!extern(?! \"C\")|typedef|struct \w+;|#)(?:[A-Za-z_].*?\b)?(\w+)\([^;]*(?:;(?= \w).*)?$")
_DIRECTIVE = re.compile(r"/[/*] (std|compilers|levels): (.*?)(?: \*/)?$")


@dataclass(frozen=True)
class Expected:
    """What may be recorded of one call: any of some answers."""

    file: str
    line: int
    callees: tuple[str, ...]
    answers: frozenset[tuple[str, str, str]]  # type, evidence, function
    optional: bool

    def fits(self, site: dict[str, object]) -> bool:
        """Whether a site is as expected."""
        answer = (str(site["type"] or ""), str(site["evidence"]), str(site["function"]))
        callee = str(site["callee"])
        named = callee if not callee.startswith("_Z") else re.sub(r"^(_Zn[wa]).*", r"\1", callee)
        return named in self.callees and answer in self.answers


def expectations(path: Path) -> list[Expected]:
    """What the comments of a file say."""
    found, function = [], ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        comment = _COMMENT.search(line)
        code = line[: comment.start()] if comment else line
        if definition := _FUNCTION.match(re.sub(r"__attribute__\(\(.*?\)\)+ ", "", code)):
            function = definition[1]
        if comment:
            for entry in comment[2].split("; "):
                found.append(expected(entry, path.name, number, function, code, comment[1] == "?"))
    assert found, f"{path} expects nothing"
    return found


def expected(entry: str, file: str, number: int, function: str, code: str, optional: bool) -> Expected:
    """What one entry of a comment says."""
    answers, callees, place = set(), set[str](), (file, number)
    for text in entry.split(" or "):
        match = _ENTRY.fullmatch(text)
        assert match, (file, number, text)
        kind = "" if match["type"] == "none" else match["type"]
        answers.add((kind, match["evidence"] or "none", match["function"] or function))
        if optional:
            answers.add(("", "none", match["function"] or function))
        callees |= set(match["callee"].split("|")) if match["callee"] else set()
        if match["file"]:
            shown = int(match["line"].replace("*", ANYWHERE))
            place = (match["file"], shown if shown > 0 else number + shown)
    return Expected(*place, tuple(sorted(symbols(callees, code))), frozenset(answers), optional)


def symbols(callees: set[str], code: str) -> set[str]:
    """Link-time names; where none is given, the functions named in the code."""
    names = {"operator new": "_Znw", "operator new[]": "_Zna"}
    if not callees:
        callees = {name for name in KNOWN if re.search(rf"\b{name}\b", code)}
        callees |= {"operator new", "operator new[]"} if re.search(r"\bnew\b", code) else set()
    if "new" in callees:
        callees = callees - {"new"} | {"operator new", "operator new[]"}
    return {names.get(name, MANGLED.get(name, name)) for name in callees}


KNOWN = (
    *("malloc", "calloc", "realloc", "reallocarray", "aligned_alloc", "posix_memalign", "strdup", "strndup"),
    *("xmalloc", "xcalloc", "xrealloc", "xmemdup", "xstrdup", "xalloc_to", "token_new", "any_new", "grid_new"),
)
MANGLED = {"ns::pool::get": "_ZN2ns4pool3getEm", "held::operator new": "_ZN4heldnwEm"}


def directives(path: Path) -> dict[str, list[str]]:
    """What a file's first lines say of how it is to be compiled."""
    lines = path.read_text(encoding="utf-8").splitlines()[:3]
    return {match[1]: match[2].split() for line in lines if (match := _DIRECTIVE.match(line))}


def check(sites: list[dict[str, object]], wanted: list[Expected]) -> list[str]:
    """What is wrong, in words."""
    wrong = []
    by_line: dict[tuple[str, int], list[dict[str, object]]] = defaultdict(list)
    anywhere = {one.file for one in wanted if one.line == int(ANYWHERE)}
    for site in sites:
        name, line = Path(str(site["file"])).name, int(str(site["line"]))
        by_line[name, int(ANYWHERE) if name in anywhere else line].append(site)
    lines: dict[tuple[str, int], list[Expected]] = defaultdict(list)
    for one in wanted:
        lines[one.file, one.line].append(one)
    for place in sorted({*by_line, *lines}):
        found, here = by_line.get(place, []), lines.get(place, [])
        columns = sorted({int(str(site["column"])) for site in found})
        for site in found:
            fitting = here
            if len(columns) == len(here):  # in order, too
                fitting = [here[columns.index(int(str(site["column"])))]]
            if not any(one.fits(site) for one in fitting):
                wrong.append(f"{place[0]}:{place[1]}: recorded {shown(site)}, expected {[*map(told, fitting)]}")
        for one in here:
            if not one.optional and not any(one.fits(site) for site in found):
                wrong.append(f"{place[0]}:{place[1]}: no {told(one)} in {[*map(shown, found)]}")
    return wrong


def shown(site: dict[str, object]) -> str:
    return f"{site['column']}: {site['callee']}: {site['type']} [{site['evidence']}] in {site['function']}"


def told(one: Expected) -> str:
    return f"{'|'.join(one.callees)}: " + " or ".join(f"{t or 'none'} [{e}] in {f}" for t, e, f in sorted(one.answers))


@pytest.mark.parametrize("compiler", ["gcc", "clang", "clang-22"])
@pytest.mark.parametrize("name", FILES)
def test_types(box: Toolbox, name: str, compiler: str) -> None:
    """R4: file, line, callee, function, type and evidence of every call, at every level of optimisation."""
    source, said = CORPUS / name, directives(CORPUS / name)
    need(compiler)
    if compiler.partition("-")[0] not in said.get("compilers", [compiler.partition("-")[0]]):
        pytest.skip(f"{compiler} does not have what {name} is about")
    shutil.copytree(CORPUS, box.folder, dirs_exist_ok=True)
    is_cxx = source.suffix == ".cc"
    flags = [f"-std={word}" for word in said.get("std", ["gnu++17"] if is_cxx else [])]
    driver = {"gcc": "g++", "clang": "clang++", "clang-22": "clang++-22"}[compiler] if is_cxx else compiler
    wanted, wrong = expectations(source), []
    if "std" in said and box.run(driver, *flags, "-w", "-fsyntax-only", name, check=False).returncode != 0:
        wrong = check(scanned(box, name, driver, *flags), wanted)
        assert not wrong, "\n" + "\n".join(wrong)
        pytest.skip(f"{driver} is too old for {name}: only the scan of the source was checked")
    for level in said.get("levels", LEVELS):
        box.allocscc(*flags, level, "-w", "-c", name, "-o", "x.o", env={"ALLOCSCC_CC": driver, "ALLOCSCC_CXX": driver})
        wrong += [f"{level}: {text}" for text in check(box.sites("x.o"), wanted)]
    assert not wrong, "\n" + "\n".join(wrong)


def scanned(box: Toolbox, name: str, driver: str, *flags: str) -> list[dict[str, object]]:
    """What the scan finds in a source that the compiler here can only preprocess."""
    box.run(driver, *flags, "-E", name, "-o", "x.i")
    path = box.folder / "x.i"
    signatures = {callee: parse_signature(f"{callee}(Z)p") for callee in ("malloc",)}
    found = scan(parse(str(path), path.read_bytes(), "c", list(flags)), signatures, SourceLines())
    sized = [(site, site.sized or Sized("", "none")) for site in found]
    return [{**asdict(site), "type": said.type, "evidence": said.evidence} for site, said in sized]
