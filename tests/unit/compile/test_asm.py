"""Reading compiler-made assembly: `allocscc.compile.asm`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.compile.asm import find_sites
from allocscc.compile.lineinfo import strip_line_info
from tests.unit.compile.assembly import CLANG, GCC, function

_CALLEES = {"malloc", "calloc", "_Znwm"}


def sites(text, cwd="/w"):
    return find_sites(text, _CALLEES, cwd)


def only(text, cwd="/w"):
    (site,) = sites(text, cwd)
    return site


def places(text):
    return [(s.callee, s.file, s.line, s.column, s.function, s.section, s.tail) for s in sites(text)]


def test_gcc_unit():
    """R4: gcc's text: DWARF 5 file table, a tail jump, a section of its own, a line from a header."""
    assert places(GCC) == [
        ("malloc", "/w/src/x.c", 2, 23, "f", ".text", True),
        ("calloc", "/w/include/x.h", 7, 5, "main", ".text.startup", False),
    ]


def test_clang_unit():
    """R4: clang's text: tabs, comments, checksums, `callq`."""
    assert places(CLANG) == [
        ("malloc", "/w/src/x.c", 2, 23, "f", ".text", True),
        ("calloc", "/usr/include/stdlib.h", 540, 3, "g", ".text", False),
    ]


@pytest.mark.parametrize("text", [GCC, CLANG], ids=["gcc", "clang"])
def test_offsets_hold_the_whole_line(text):
    """R4: from start to end is the instruction's line, so that text can be put in its place."""
    for site in sites(text):
        line = text[site.start : site.end]
        assert "\n" not in line
        assert text[site.end] == "\n"
        assert text[site.start - 1] == "\n"
        assert site.callee in line


@pytest.mark.parametrize(
    ("line", "callee", "indirect", "tail"),
    [
        ("call\tmalloc", "malloc", False, False),
        ("call\tmalloc@PLT", "malloc", False, False),
        ("callq\tmalloc@PLT", "malloc", False, False),
        ("call malloc", "malloc", False, False),
        ("call\t*malloc@GOTPCREL(%rip)", "malloc", True, False),
        ("callq\t*_Znwm@GOTPCREL(%rip)", "_Znwm", True, False),
        ("jmp\tmalloc@PLT", "malloc", False, True),
        ("jmp\t*malloc@GOTPCREL(%rip)", "malloc", True, True),
        ("jmpq\t*malloc@GOTPCREL(%rip)  # TAILCALL", "malloc", True, True),
        ("call\tmalloc@PLT # a comment", "malloc", False, False),
    ],
)
def test_instructions(line, callee, indirect, tail):
    """R4: every way in which x86-64 compilers call a function by name."""
    site = only(function([line]))
    assert (site.callee, site.indirect, site.tail, site.cfi) == (callee, indirect, tail, True)


@pytest.mark.parametrize(
    "line",
    [
        "call\tmallocx", "call\txmalloc", "call\tmalloc.part.0", "call\t*%rax", "call\t*malloc(%rip)", "jmp\t.L3",
        "leaq\tmalloc(%rip), %rax", "movq\tmalloc@GOTPCREL(%rip), %rax", "callx\tmalloc", ".string\t\"call malloc\"",
        "# call malloc", "call\tmalloc+4",
    ],
)  # fmt: skip
def test_not_sites(line):
    """R4: other functions, addresses taken, calls through registers."""
    assert sites(function([line])) == []


def test_no_line_information():
    """R4: without `.loc` the site is still one, at no line."""
    site = only(function(["call\tmalloc"]))
    assert (site.file, site.line, site.column) == ("", 0, 0)


def test_last_loc_before_the_call_counts():
    """R4: the nearest `.loc` before the instruction, none behind it."""
    text = function(['.file 1 "x.c"', ".loc 1 3 1", ".loc 1 4 9", "movl $1, %edi", "call\tmalloc", ".loc 1 5 1"])
    assert (only(text).line, only(text).column) == (4, 9)


def test_loc_of_another_function_does_not_count():
    """R4: a function without line information does not take its neighbour's."""
    text = function(['.file 1 "x.c"', ".loc 1 3 1"], "g") + function(["call\tmalloc"])
    assert (only(text).function, only(text).line) == ("f", 0)


def test_line_zero_is_passed_over():
    """R4: `.loc 1 0` says that the code belongs to no line; the line before it is the best there is."""
    text = function(['.file 1 "x.c"', ".loc 1 3 7", ".loc 1 0 0 is_stmt 0", "call\tmalloc"])
    assert (only(text).line, only(text).column) == (3, 7)


def test_words_that_only_begin_like_loc():
    """R4: `.local` and a label with `.loc` in its name are no line information."""
    text = function(['.file 1 "x.c"', ".loc 1 3 7", ".local\tbuffer", "jne\t.location", "call\tmalloc"])
    assert (only(text).line, only(text).column) == (3, 7)


@pytest.mark.parametrize("column", ["", " is_stmt 0", " view .LVU3", " discriminator 2"])
def test_loc_without_a_column(column):
    """R4: `-gno-column-info`."""
    text = function(['.file 1 "x.c"', f".loc 1 3{column}", "call\tmalloc"])
    assert (only(text).line, only(text).column) == (3, 0)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (['.file 1 "x.c"'], "/cwd/x.c"),  # DWARF 4 by gcc
        (['.file 1 "../lib/./x.c"'], "/lib/x.c"),
        (['.file 1 "/abs/x.c"'], "/abs/x.c"),
        (['.file\t1 "/w/src" "x.c"'], "/w/src/x.c"),  # DWARF 4 by clang
        (['.file 0 "/w/src" "x.c"', '.file 1 "x.c"'], "/w/src/x.c"),  # DWARF 5 by gcc
        (['.file 0 "/w/src" "x.c"', '.file 1 "sub" "x.c"'], "/w/src/sub/x.c"),
        (['.file 0 "/w" "x.c" md5 0x01', '.file 1 "/usr/include" "a.h" md5 0x02'], "/usr/include/a.h"),
        (['.file "first.c"', '.file 1 "x.c"'], "/cwd/x.c"),
        ([r'.file 1 "a b/q\"uote.c"'], '/cwd/a b/q"uote.c'),
        ([r'.file 1 "back\\slash.c"'], "/cwd/back\\slash.c"),
        ([r'.file 1 "n\303\251.c"'], "/cwd/né.c"),
        (['.file 1 "né.c"'], "/cwd/né.c"),
        ([r'.file 1 "\377.c"'], "/cwd/\udcff.c"),
        ([r'.file 1 "new\012line.c"'], "/cwd/new\nline.c"),
        ([r'.file 1 "new\nline\tand tab.c"'], "/cwd/new\nline\tand tab.c"),  # as clang escapes them
        ([], ""),
    ],
)
def test_file_table(table, expected):
    """R4: file names of DWARF 4 and 5, with all escapes (HAZARDS 22: blanks, quotes, non-ASCII, newlines)."""
    text = function([*table, ".loc 1 3 7", "call\tmalloc"])
    assert only(text, "/cwd").file == expected


@pytest.mark.parametrize(
    ("directives", "section"),
    [
        ([], ".text"),
        (['.section\t.text.unlikely,"ax",@progbits'], ".text.unlikely"),
        (['.section\t.text._Z1fv,"axG",@progbits,_Z1fv,comdat'], ".text._Z1fv"),
        (['.section\t"my text","ax"'], '"my text"'),
        ([".data", ".text"], ".text"),
        ([".section\t.text.a", ".section\t.rodata", ".previous"], ".text.a"),
        ([".section\t.text.a", ".section\t.rodata", ".previous", ".previous"], ".rodata"),
        ([".section\t.text.a", ".pushsection\t.rodata", ".popsection"], ".text.a"),
        ([".section\t.text.a", '.pushsection\t.b,"a"', ".section\t.c", ".popsection"], ".text.a"),
        ([".section\t.text.a", ".pushsection\t.b", ".pushsection\t.c", ".popsection"], ".b"),
        ([".section\t.text.a", ".pushsection\t.b", ".pushsection\t.c", ".popsection", ".popsection"], ".text.a"),
        ([".section\t.text.a", ".pushsection .b"], ".b"),
        ([".popsection"], ".text"),
        ([".section\t.text.a", ".data_region"], ".text.a"),
        ([".section\t.text.a", ".bss"], ".bss"),
    ],
)
def test_sections(directives, section):
    """R6: a record is tied to the section of its call, whatever inline assembly pushes and pops."""
    assert only(function([*directives, "call\tmalloc"])).section == section


def test_escape_that_is_none():
    """R3: a digit that is not octal behind a backslash is that digit, as for gas."""
    text = function([r'.file 1 "a\8.c"', ".loc 1 3 7", "call\tmalloc"])
    assert only(text, "/cwd").file == "/cwd/a8.c"


def test_section_at_each_call():
    """R6: several calls, several sections."""
    text = "".join(
        function(
            [f".section\t.text.{name}", "call\tmalloc", ".pushsection .rodata", ".popsection", "call\tcalloc"], name
        )
        for name in "ab"
    )
    assert [(s.function, s.section) for s in sites(text)] == [
        ("a", ".text.a"), ("a", ".text.a"), ("b", ".text.b"), ("b", ".text.b"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("f", "f"),
        ("f.cold", "f"),
        ("f.constprop.0", "f"),
        ("f.part.0.isra.0", "f"),
        ("f.isra.0.cold", "f"),
        ("f.lto_priv.12", "f"),
        ("f.localalias", "f"),
        ("_ZN1a1bEv.constprop.1.cold", "_ZN1a1bEv"),
        ("isra", "isra"),
        ("f.custom", "f.custom"),
    ],
)
def test_clones_have_their_function_s_name(label, name):
    """R4: the person who wrote the function never saw gcc's suffixes."""
    assert only(function(["call\tmalloc"], label)).function == name


@pytest.mark.parametrize("kind", ["@function", "%function", "@gnu_indirect_function"])
def test_function_types(kind):
    """R4: the enclosing function is the last `.type` of a function; objects between do not count."""
    text = f"\t.type\tf, {kind}\nf:\n\t.type\tcounter, @object\n\tcall\tmalloc\n"
    assert only(text).function == "f"


def test_cfi():
    """R6: a tail call may only be changed with CFI directives where the function has them."""
    assert only("\tcall\tmalloc\n").cfi is False
    assert only(function([]) + "\tcall\tmalloc\n").cfi is False
    assert only(function(["call\tmalloc"])).cfi is True


def test_conditional_tail_call():
    """R4: clang -Os makes the last call of a branch a conditional jump; it is a call of malloc all the same."""
    assert len(sites(function(["testl\t%edi, %edi", "jne\tmalloc@PLT                      # TAILCALL"]))) == 1


_PIECES = st.sampled_from([
    "\tcall\tmalloc", "\tjmp\tmalloc@PLT", "\tcall\t*malloc@GOTPCREL(%rip)", "\t.loc 1 2 3", "\t.loc 0 0", "\t.loc",
    '\t.file 1 "a"', '\t.file 0 "/d" "x"', '\t.file 1 "\\8"', '\t.file 1 "\\777\\"', '\t.file 2 "', "\t.text",
    "\t.section",
    '\t.section "a b"', "\t.pushsection", "\t.popsection", "\t.previous", "\t.type f, @function", "\t.type",
    ".cfi_startproc",
    "\t.section .debug_info", "\t.section\t.debug_x,\"\"", "\n", "\n", "\n", "\t", " ", "\\", '"', "é", "\udcff", "\0",
])  # fmt: skip


@given(st.lists(_PIECES | st.text(max_size=5), max_size=25).map("".join))
def test_any_text(text):
    """R3: inline assembly may hold anything; reading it does not fail."""
    text += "\n\tcall\tmalloc\n"
    found = sites(text)
    assert found
    for site in found:
        assert site.callee in text[site.start : site.end]
        assert site.line >= 0
    assert len(strip_line_info(text)) <= len(text)
