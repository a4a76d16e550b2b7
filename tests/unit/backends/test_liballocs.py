"""The liballocs backend: `allocscc.backends.liballocs` and what it calls."""

import pytest

from allocscc.backends import load_backend
from allocscc.backends.interface import Link
from allocscc.backends.liballocslink import link_additions
from allocscc.elf.write import data_object
from allocscc.errors import ConfigError, ToolError


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for folder in ("tools", "lib", "include", "contrib/libmallochooks/include"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "tools" / "Makefile.meta").write_text("")
    (tmp_path / "tools" / "libroottypes.a").write_text("")
    (tmp_path / "include" / "liballocs.h").write_text("")
    (tmp_path / "lib" / "interp-pad.o").write_bytes(data_object(b".interp", b"/opt/ld.so\0", 62))
    monkeypatch.setenv("LIBALLOCS", str(tmp_path))
    for name in ("LIBRUNT", "LIBALLOCSTOOL", "LIBMALLOCHOOKS", "LIBALLOCS_USE_PRELOAD"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def link(*args, **more):
    return Link("prog", list(args), "/usr/bin/ld", **more)


def test_program(tree):
    """R17: LIBALLOCS-ABI.md, "What its link adds"."""
    made = link_additions(link(), str(tree), [])
    assert made.options == ["--export-dynamic", "-q", "--build-id", f"-L{tree}/lib", "-rpath", f"{tree}/lib"]
    assert made.words == [
        f"{tree}/tools/libroottypes.a", f"{tree}/lib/interp-pad.o",
        "--push-state", "--no-as-needed", "-lallocs_dummyweaks", "--pop-state", "-ldl",
    ]  # fmt: skip
    assert made.late == ["-dynamic-linker", "/opt/ld.so"]


def test_what_is_there_is_not_said_twice(tree):
    """R17: a user's own -q, -E and --build-id are enough."""
    made = link_additions(link("-q", "-E", "--build-id=0x12"), str(tree), [])
    assert not {"-q", "--build-id"} & {*made.options}
    assert "--export-dynamic" not in made.options


def test_shared_object(tree, monkeypatch):
    """R17: no interpreter; without a preload the library itself."""
    monkeypatch.setenv("LIBALLOCS_USE_PRELOAD", "no")
    made = link_additions(link(shared=True), str(tree), [])
    assert made.late == []
    assert "-lallocs" in made.words
    assert not [word for word in made.words if word.endswith("interp-pad.o")]


def test_static(tree):
    """R17: liballocs' archive, which has to be there."""
    with pytest.raises(ToolError, match=r"liballocs\.a; is it built\?"):
        link_additions(link(static=True), str(tree), [])


def test_headers(tree, monkeypatch):
    """R17: the tree's, and those of its parts where they are; variables name others. The cache knows all."""
    backend = load_backend("liballocs")
    assert backend.stub_options() == [
        "-D_GNU_SOURCE", f"-I{tree}/include", f"-I{tree}/contrib/libmallochooks/include", f"-I{tree}/tools",
    ]  # fmt: skip
    assert str(tree / "include" / "liballocs.h") in backend.stub_files()
    (tree / "mine" / "include").mkdir(parents=True)
    monkeypatch.setenv("LIBMALLOCHOOKS", str(tree / "mine"))
    assert f"-I{tree}/mine/include" in load_backend("liballocs").stub_options()


def test_no_tree(monkeypatch):
    """R17: who asks for it without a tree is told what to set."""
    monkeypatch.setenv("LIBALLOCS", "/nowhere")
    with pytest.raises(ConfigError, match=r"the variable LIBALLOCS names '/nowhere'; set it"):
        load_backend("liballocs").stub_options()


def test_flags():
    """R17: those of the document; one is gcc's alone."""
    backend = load_backend("liballocs")
    assert backend.compile_flags("clang") == [
        "-gdwarf-4",
        "-gstrict-dwarf",
        "-fno-eliminate-unused-debug-types",
        "-fno-omit-frame-pointer",
        "-ffunction-sections",
    ]
    assert backend.compile_flags("gcc")[5:] == ["-fvar-tracking-assignments"]


def test_refusals(tree):
    """R17: what keeps what it knows in chunks has to find their ends."""
    backend = load_backend("liballocs")
    assert backend.refuses(link(), "malloc", False, True) == ""
    assert "usable-size" in backend.refuses(link(), "malloc", False, False)
    assert "static" in backend.refuses(link(static=True), "malloc", False, True)
    assert backend.refuses(link(static=True), "pool", True, False) == ""
    assert backend.wraps("pool", True)
    assert not backend.wraps("malloc", False)
