"""A linker's command line: `allocscc.link.job`."""

import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from allocscc.link.job import (
    ARCHIVE,
    DSO,
    EXECUTABLE,
    OBJECT,
    OTHER,
    RELOCATABLE,
    SHARED,
    LinkJob,
    file_kind,
)
from allocscc.link.response import expand_response_files, quote_response, split_response
from tests.unit.elf.build import DYN, EXEC, archive, elf, thin_archive


@pytest.fixture
def folder(tmp_path):
    """A working folder with objects, an archive, a shared object and libraries in two folders."""
    for name in ("a.o", "b.o", "crt1.o", "noname", "lib/only.o"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(elf())
    for name in ("lib/libz.so", "lib/libfoo.so", "lib2/libfoo.so", "libv.so.1.2"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(elf(kind=DYN))
    for name in ("lib/libfoo.a", "lib2/libbar.a", "lib/libgcc.a", "own.a"):
        (tmp_path / name).write_bytes(archive([("m.o", elf())]))
    (tmp_path / "lib" / "libc.so").write_text("GROUP ( /lib/libc.so.6 )")
    (tmp_path / "lib" / "libc.a").write_bytes(archive([]))
    return tmp_path


def job(folder, words):
    return LinkJob(words.split() if isinstance(words, str) else words, str(folder))


def inputs(folder, words):
    found = job(folder, words)
    return [(i.path.removeprefix(f"{folder}/"), i.kind, i.word) for i in found.inputs]


# As gcc 12 passes it to collect2, less the folders.
_GCC = (
    "-plugin /usr/lib/gcc/liblto_plugin.so -plugin-opt=/usr/lib/gcc/lto-wrapper -plugin-opt=-fresolution=/tmp/cc.res "
    "-plugin-opt=-pass-through=-lgcc -plugin-opt=-pass-through=-lc --build-id --eh-frame-hdr -m elf_x86_64 "
    "--hash-style=gnu --as-needed -dynamic-linker /lib64/ld-linux-x86-64.so.2 -pie -o prog crt1.o -Llib -L/no/where "
    "-Llib2 a.o b.o -lfoo -lgcc --push-state --as-needed -lgcc_s --pop-state -lc -lgcc --push-state --as-needed "
    "-lgcc_s --pop-state"
)


def test_gcc_s_command_line(folder):
    """R6: an ordinary link of an executable."""
    found = job(folder, _GCC)
    assert (found.output, found.mode, found.emulation, found.static) == ("prog", EXECUTABLE, "elf_x86_64", False)
    assert found.args == _GCC.split()
    assert not found.expanded
    assert [i.word for i in found.inputs] == ["crt1.o", "a.o", "b.o", "-lfoo", "-lc"]
    assert [i.kind for i in found.inputs] == [OBJECT, OBJECT, OBJECT, DSO, OTHER]
    assert [found.args[i.index] for i in found.inputs] == ["crt1.o", "a.o", "b.o", "-lfoo", "-lc"]
    assert found.libraries == ["foo", "gcc", "gcc_s", "c", "gcc", "gcc_s"]
    assert found.args[found.libc_at] == "-lc"
    assert not found.gc_sections
    assert found.wrapped == set()


@pytest.mark.parametrize(
    ("words", "mode", "static"),
    [
        ("a.o", EXECUTABLE, False), ("-pie a.o", EXECUTABLE, False), ("-no-pie a.o", EXECUTABLE, False),
        ("-shared a.o", SHARED, False), ("--shared a.o", SHARED, False), ("-Bshareable a.o", SHARED, False),
        ("-r a.o", RELOCATABLE, False), ("--relocatable a.o", RELOCATABLE, False), ("-i a.o", RELOCATABLE, False),
        ("-Ur a.o", RELOCATABLE, False), ("-static a.o", EXECUTABLE, True),
        ("-static -pie --no-dynamic-linker -z text a.o", EXECUTABLE, True), ("-soname -shared a.o", EXECUTABLE, False),
        ("-rpath -r a.o", EXECUTABLE, False), ("-Bstatic -Bdynamic a.o", EXECUTABLE, False),
        ("-o -r a.o", EXECUTABLE, False),
    ],
)  # fmt: skip
def test_mode(folder, words, mode, static):
    """R6: executable, shared object or `-r`; static or not; an option's argument is no option."""
    found = job(folder, words)
    assert (found.mode, found.static) == (mode, static)


@pytest.mark.parametrize(
    ("words", "output"),
    [("a.o", "a.out"), ("-o p a.o", "p"), ("--output p a.o", "p"), ("--output=p a.o", "p"), ("-o p -o q a.o", "q")],
)
def test_output(folder, words, output):
    """R6: where the output goes."""
    assert job(folder, words).output == output


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("-Llib -lfoo", [("lib/libfoo.so", DSO, "-lfoo")]),
        ("-L lib -l foo", [("lib/libfoo.so", DSO, "-l")]),
        ("--library-path lib --library foo", [("lib/libfoo.so", DSO, "--library")]),
        ("--library-path=lib --library=foo", [("lib/libfoo.so", DSO, "--library=foo")]),
        ("-lfoo -Llib2", [("lib2/libfoo.so", DSO, "-lfoo")]),
        ("-Llib2 -Llib -lfoo", [("lib2/libfoo.so", DSO, "-lfoo")]),
        ("-Llib2 -Llib -Bstatic -lfoo", [("lib/libfoo.a", ARCHIVE, "-lfoo")]),
        ("-Llib -static -lfoo", [("lib/libfoo.a", ARCHIVE, "-lfoo")]),
        ("-Llib -Bstatic -Bdynamic -lfoo", [("lib/libfoo.so", DSO, "-lfoo")]),
        ("-Llib -dn -dy -lfoo", [("lib/libfoo.so", DSO, "-lfoo")]),
        ("-Llib -l:libfoo.a", [("lib/libfoo.a", ARCHIVE, "-l:libfoo.a")]),
        ("-Llib -l :only.o", [("lib/only.o", OBJECT, "-l")]),
        ("-Llib -Bstatic -l:libz.so", [("lib/libz.so", DSO, "-l:libz.so")]),
        ("-Llib -lgcc -lgcc_s", []),
        ("-Llib -lmissing", []),
        ("-lfoo", []),
        ("-Llib2 -lbar", [("lib2/libbar.a", ARCHIVE, "-lbar")]),
    ],
)
def test_libraries(folder, words, expected):
    """R6: as the linker looks for them: all folders count for all libraries, shared before static."""
    assert inputs(folder, words) == expected


def test_absolute_library_folder(folder):
    """R6: a folder need not be below the working folder."""
    assert inputs("/", [f"-L{folder}/lib", "-lz"])[0][1] == DSO


@pytest.mark.parametrize(
    "option",
    ["-T", "-soname", "-h", "-rpath", "-rpath-link", "-z", "-u", "-e", "-Map", "--version-script", "--dynamic-list",
     "--defsym", "-plugin", "-dynamic-linker", "-R", "-y", "-init", "-fini", "--wrap", "-m", "-o", "-L", "-I",
     "--just-symbols", "--undefined", "--entry", "--script", "--exclude-libs", "--format", "-b", "--oformat"],
)  # fmt: skip
def test_arguments_of_options_are_no_inputs(folder, option):
    """R6: nothing but a.o is linked."""
    assert inputs(folder, [option, "b.o", "a.o"]) == [("a.o", OBJECT, "a.o")]


@pytest.mark.parametrize(
    "option",
    ["--whole-archive", "--start-group", "-O1", "--as-needed", "--gc-sections", "-plugin-opt=x", "-zrelro", "-pie",
     "--hash-style=gnu", "-dynamic-linker=/x", "--unknown-option", "--sysroot=/x", "-z=x", "-s", "-melf_x86_64"],
)  # fmt: skip
def test_options_without_argument(folder, option):
    """R6: an option that stands alone swallows nothing (HAZARDS 8)."""
    assert inputs(folder, [option, "a.o", "b.o"]) == [("a.o", OBJECT, "a.o"), ("b.o", OBJECT, "b.o")]


def test_files_by_magic(folder):
    """R6: not by name (HAZARDS 6)."""
    assert inputs(folder, "noname libv.so.1.2 own.a") == [
        ("noname", OBJECT, "noname"), ("libv.so.1.2", DSO, "libv.so.1.2"), ("own.a", ARCHIVE, "own.a"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (elf(), OBJECT), (elf(kind=DYN), DSO), (elf(kind=EXEC), OTHER), (archive([]), ARCHIVE),
        (thin_archive([], []), ARCHIVE),
        (b"", OTHER), (b"\x7fELF", OTHER), (b"BC\xc0\xde", OTHER), (b"GROUP ( libx.a )", OTHER), (b"!<arch>", OTHER),
    ],
)  # fmt: skip
def test_file_kind(tmp_path, data, kind):
    """R6: bitcode, linker scripts and cut files are no errors (HAZARDS 15)."""
    (tmp_path / "f").write_bytes(data)
    assert file_kind(str(tmp_path / "f")) == kind


def test_file_kind_of_what_cannot_be_read(tmp_path):
    """R6: the linker reports it."""
    assert file_kind(str(tmp_path)) == ""
    assert file_kind(str(tmp_path / "missing")) == ""
    assert inputs(tmp_path, "missing.o") == []


@pytest.mark.parametrize(
    "words", ["--wrap f --wrap=g", "-wrap f -wrap=g", "--wrap=g --wrap f"],
)  # fmt: skip
def test_user_s_wraps(folder, words):
    """R6: the user's own --wrap."""
    assert job(folder, words + " a.o").wrapped == {"f", "g"}


def test_last_libc(folder):
    """R6: the runtime goes before the last libc, which must be there."""
    assert job(folder, "a.o -lc b.o -lc -lm").libc_at == 3
    assert job(folder, "a.o -l c").libc_at == 1
    assert job(folder, "a.o").libc_at == -1


def test_gc_sections(folder):
    """R6: whether dead code goes."""
    assert job(folder, "--gc-sections a.o").gc_sections
    assert not job(folder, "--gc-sections --no-gc-sections a.o").gc_sections


@pytest.mark.parametrize("words", ["-o", "a.o -l", "a.o -L", "a.o -m", "--wrap", ""])
def test_missing_argument(folder, words):
    """R6: the linker reports it."""
    assert [i.path for i in job(folder, words).inputs] in ([], [str(folder / "a.o")])


def test_response_file(folder):
    """R6: a response file on the driver's line makes one for the linker (HAZARDS 11)."""
    (folder / "args").write_text("-o \"my prog\"\na.o\t'b.o'\n")
    found = job(folder, ["-shared", "@args", "-lc"])
    assert found.args == ["-shared", "-o", "my prog", "a.o", "b.o", "-lc"]
    assert found.expanded
    assert [i.index for i in found.inputs] == [3, 4]


def test_nested_response_files(folder):
    """R6: nested, relative to the working folder, as libiberty does."""
    (folder / "outer").write_text("a.o @lib/inner @missing")
    (folder / "lib" / "inner").write_text("'b.o' -o\\ x")
    assert expand_response_files(["@outer"], str(folder)) == ["a.o", "b.o", "-o x", "@missing"]


def test_response_file_that_names_itself(folder):
    """R6: it ends; the linker reports it."""
    (folder / "loop").write_text("a.o @loop")
    assert set(expand_response_files(["@loop"], str(folder))) == {"a.o", "@loop"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []), (" \t\n\r\v\f", []), ("a b\nc", ["a", "b", "c"]), ("'a b' \"c d\"", ["a b", "c d"]),
        ("a\\ b", ["a b"]), ("'a\\'b'", ["a'b"]), ("\"a\\\"b\"", ['a"b']), ("a\\\\b", ["a\\b"]), ("''", [""]),
        ('""', [""]),
        ("a''b", ["ab"]), ("-L'/my dir'/x", ["-L/my dir/x"]), ("'a\"b'", ['a"b']), ("\"it's\"", ["it's"]),
        ("'open quote", ["open quote"]), ("a\\\nb", ["a\nb"]), ("'a\nb'", ["a\nb"]), ("é", ["é"]),
        ("\udcff", ["\udcff"]),
        ("a\u00a0b", ["a\u00a0b"]), ("a\u2003b", ["a\u2003b"]), ("a\x1fb", ["a\x1fb"]), ("a\x85b", ["a\x85b"]),
        ("a\\", ["a"]),
    ],
)  # fmt: skip
def test_gnu_quoting(text, words):
    """R6: libiberty's buildargv: C's white space separates, quotes group, a backslash takes the next character."""
    assert split_response(text) == words


_WORDS = st.lists(st.text(st.characters(codec="utf-8") | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF)))


@given(_WORDS)
def test_quote_and_split(words):
    """R6: what we write in a response file is read back as the same words (HAZARDS 22)."""
    assert split_response(quote_response(words)) == words


@given(_WORDS)
@example(["carriage\rreturn"])
def test_through_a_file(tmp_path_factory, words):
    """R6: the same through a file, as the link phase writes and a linker's driver reads it."""
    words = [word for word in words if not word.startswith("@")]
    path = tmp_path_factory.getbasetemp() / "arguments"
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(quote_response(words))
    assert expand_response_files([f"@{path}"], "/") == words


@given(st.text(st.sampled_from("ab '\"\\\n\t@")))
def test_any_response_file(text):
    """R6: any text has words, and quoting them keeps them."""
    words = split_response(text)
    assert split_response(quote_response(words)) == words


def test_pipe(folder):
    """R3: a pipe can be read only once: by the linker, and by the first one."""
    os.mkfifo(folder / "pipe.o")
    assert file_kind(str(folder / "pipe.o")) == ""
    assert job(folder, "a.o pipe.o own.a -lc").inputs == []
    assert job(folder, "a.o /dev/null").inputs == []
    assert expand_response_files(["@pipe.o"], str(folder)) == ["@pipe.o"]


@pytest.mark.parametrize("name", ["lib", "missing.o", "dangling.o"])
def test_no_file(folder, name):
    """R3: what is no file at all is the linker's to report; the rest of the link is as it was."""
    os.symlink("nowhere", folder / "dangling.o")
    assert [source.word for source in job(folder, f"a.o {name} b.o").inputs] == ["a.o", "b.o"]
