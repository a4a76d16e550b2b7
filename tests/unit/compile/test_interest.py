"""Whether a unit can have anything to record: `allocscc.compile.interest`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.compile.interest import declares, listed_files, named_in, names_a_role
from allocscc.config.roles import Roles


def roles(signatures=(), entries=(), patterns=(), scoped=()):
    fields = dict.fromkeys(Roles.__slots__, ())
    fields["signatures"] = {name: f"{name}(Z)p" for name in signatures}
    fields["entries"] = dict.fromkeys(entries, ("m", True, False))
    fields["patterns"] = [(pattern, "(Z)p", True) for pattern in patterns]
    fields["scoped"] = [(file, name, "(Z)p", True) for file, name in scoped]
    return Roles(fields)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("\tcall\txmalloc\n", True),
        ("\tjmp\txmalloc@PLT\n", True),
        ("\tcall\t*xmalloc@GOTPCREL(%rip)\n", True),
        ("\tjne\txmalloc\n", True),
        ("\tcallq\txmalloc@PLT\n", True),
        ("\tbl\txmalloc\n", True),
        ("\tb\txmalloc\n", True),
        ("\tleaq\txmalloc(%rip), %rax\n", False),
        ("\tcall\txmalloc2\n", False),
        ("\tcall\tprintf\n", False),
        ("\t.globl\txmalloc\n", True),
        ("\t.globl\txmalloc                 # -- Begin function xmalloc\n", True),
        ("\t.globl\txmalloc2\n\t.globl", False),
        ("\t.string\t\"xmalloc\"\n", False),
        ("xmalloc_nothing:\n", False),
        ("slab_get:\n", True),
        ("\t.globl\tslab_get\nslab_get:\n", True),
        ("\tcall\tslab_get\n", False),
        ("\tcall\tje_malloc\n", True),
        ("\tjmp\tje_malloc\n", True),
        ("\tcall\tmalloc\n", False),
        ("\tcall\tlocal_alloc\n", False),
        ("local_alloc:\n\tcall\tlocal_alloc\n", True),
        ("", False),
    ],
)  # fmt: skip
def test_names_a_role(text, found):
    """R3: the common unit has nothing to record, and must not pay for finding out."""
    names = roles(["xmalloc"], ["slab_get"], ["*_malloc"], [("util.c", "local_alloc")])
    assert names_a_role(f"main:\n{text}\tret\n", names) is found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("void *f(int) __attribute__((malloc));", True),
        ("void *f(int) __attribute((malloc));", True),
        ("void *f(int) __attribute__((__malloc__));", True),
        ("[[gnu::malloc]] void *f(int);", True),
        ('void *f(int) ALLOCS_WRAPPER("");', True),
        ('#define ALLOCS_API extern\n#include "allocs.h"\nvoid *f(int) ALLOCS_WRAPPER("");', True),
        ("void *f(gsize n) G_GNUC_MALLOC;", True),
        ("int x __attribute__((unused)); void *p = malloc(3);", False),
        ("void *p = malloc(3);", False),
        ("", False),
    ],
)
def test_declares(tmp_path, text, found):
    """R5: a unit whose files hold no allocation attribute is not looked into."""
    (tmp_path / "plain.c").write_text("int x;")
    (tmp_path / "x.h").write_text(text)
    assert declares([str(tmp_path / "plain.c"), str(tmp_path / "x.h")], ["-O2"]) is found


def test_our_own_header_declares_nothing():
    """R5: including allocs.h alone costs no scan."""
    assert declares(["stubgen/allocs.h"], []) is False


def test_macros_of_the_command_line():
    """R5: `-DXALLOC=__attribute__((malloc))` counts."""
    assert declares([], ["-DXALLOC=__attribute__((malloc))"]) is True
    assert declares([], ["-DX=__attribute__((__malloc__))"]) is True
    assert declares([], ["-DNO_malloc", "-Wno-alloc-zero"]) is False


def test_files_that_are_not_looked_at(tmp_path, monkeypatch):
    """R3: system headers, generated tables, and what is not there."""
    mark = "void *f(int) __attribute__((malloc));"
    (tmp_path / "x.h").write_text(mark)
    assert declares([str(tmp_path / "missing.h"), str(tmp_path), str(tmp_path / "x.h")], []) is True
    monkeypatch.setattr("allocscc.compile.interest._LARGE", len(mark) - 1)
    assert declares([str(tmp_path / "x.h")], []) is False
    monkeypatch.setattr("allocscc.compile.interest._LARGE", len(mark))
    monkeypatch.setattr("allocscc.compile.interest._SYSTEM", (str(tmp_path),))
    assert declares([str(tmp_path / "x.h")], []) is False


def test_sources_of_any_encoding(tmp_path):
    """R5: bytes that are no UTF-8."""
    (tmp_path / "x.h").write_bytes(b"// \xff\n[[gnu::malloc]] void *f(int);")
    assert declares([str(tmp_path / "x.h")], []) is True


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("p = xmalloc(3);", True),
        ("p = yxmalloc(3);", False),
        ("p = je_malloc(3);", True),
        ("p = local_alloc(3);", True),
        ("p = new int;", True),
        ("int renew;", False),
        ("p = malloc(3);", False),
    ],
)
def test_named_in(tmp_path, text, found):
    """R4: for intermediate code, the sources tell whether there may be sites."""
    (tmp_path / "x.c").write_text(text)
    names = roles(["xmalloc", "_Znwm"], [], ["*_malloc"], [("util.c", "local_alloc")])
    assert named_in([str(tmp_path / "x.c")], names) is found


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("x.o: x.c a.h b.h\n", ["x.c", "a.h", "b.h"]),
        ("x.o: x.c \\\n  a.h \\\n  b.h\n", ["x.c", "a.h", "b.h"]),
        ("x.o: a\\ b.h c\\#d.h e$$f.h g\\\\h.h\n", ["a b.h", "c#d.h", "e$f.h", "g\\h.h"]),
        ("x.o: x.c", ["x.c"]),
        ("x.o:\n", []),
        ("", []),
        ("no colon", []),
        ("x.o:\tx.c\n\n", ["x.c"]),
    ],
)
def test_listed_files(text, files):
    """R5: the compiler's own dependency rule, with make's quoting (gcc manual, -MD; GNU make, "Rule Syntax")."""
    assert listed_files(text) == files


@given(st.lists(st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), min_size=1).filter(
    lambda name: "\\" not in name), max_size=4))  # fmt: skip
def test_any_file_names(names):
    """R5: quoting as gcc does it (`mkdeps.cc`: blanks, `#` and `$`) is undone."""
    quoted = [name.replace("$", "$$").replace("#", "\\#").replace(" ", "\\ ") for name in names]
    assert listed_files("x.o: " + " \\\n ".join(quoted) + "\n") == names


@given(st.text(max_size=30) | st.text(st.sampled_from("ab: \\\n#$"), max_size=20))
def test_any_text(text):
    """R3: a damaged rule gives some names, and no error."""
    assert all(listed_files(text))
