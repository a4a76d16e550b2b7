"""Attributing the library's allocations to the user's lines: `allocscc.compile.outside`."""

import pytest

from allocscc.compile import inlined
from allocscc.compile.asm import MachineSite
from allocscc.compile.dwarfunit import Function
from allocscc.compile.inlined import Frame
from allocscc.compile.interest import is_system_header
from allocscc.compile.outside import attribute_outside, needed_frames
from allocscc.compile.source import NEW, SourceSite
from allocscc.sidecar import Site
from tests.unit.compile.test_inlined import CODE, EXPECTED, TEXTS

TCC = "/usr/include/c++/12/bits/vector.tcc"
LIBRARY = "/usr/include/c++/12/bits/"
ALLOCATE = Function("allocate", "_ZNSt15__new_allocatorI4nodeE8allocateEmPKv", "")
RESERVE = Function("reserve", "_ZNSt6vectorI4nodeSaIS0_EE7reserveEm", "")
PUSH = Function("_M_realloc_insert", "_ZNSt6vectorI4nodeSaIS0_EE17_M_realloc_insertIJS0_EEEvv", "")
USER = Function("add", "_ZN4shop3addEi", "")
STATIC = Function("fresh<long unsigned int>", "", "")
CLANG = Function("_M_create<(lambda at /w/a.cc:7:3)>",
                 "_ZNSt14_Function_base13_Base_managerIZ1fiE3$_0E9_M_createIS1_EEvv",
                 "_Base_manager<(lambda at /w/a.cc:7:3)>")  # fmt: skip


def machine(file=f"{LIBRARY}new_allocator.h", start=0):
    return MachineSite(start, start + 9, "_Znwm", False, False, True, file, 137, 48, "_Z4mainv", ".text")


def found(place, *frames, **known):
    """What is recorded of one machine site."""
    known = {"file": place.file, "line": 137, "column": 48, "function": place.function, "callee": "_Znwm"} | known
    (site,) = attribute_outside([place], (Site(**known),), [frames])
    return site


def test_size_goes_with_the_type():
    """R10: the size of what was found before is not that of the type that the library's functions tell."""
    frames = Frame(ALLOCATE, f"{LIBRARY}alloc_traits.h", 464, 28), Frame(RESERVE, "/w/a.cc", 12, 5)
    site = found(machine(), *frames, type="std::pair<int, node>", evidence="new", size=12)
    assert (site.type, site.size) == ("node", 0)


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        # the user's own function called into the library
        ([Frame(ALLOCATE, f"{LIBRARY}alloc_traits.h", 464, 28), Frame(RESERVE, "/w/a.cc", 12, 5)],
         ("/w/a.cc", 12, 5, "main", "node")),
        # and was itself inlined: still its line, and its name
        ([Frame(ALLOCATE, TCC, 79, 2), Frame(RESERVE, "/w/a.h", 3, 4), Frame(USER, "/w/a.cc", 12, 5)],
         ("/w/a.h", 3, 4, "shop::add", "node")),
        # a function without a symbol: static, or of an anonymous namespace's types
        ([Frame(ALLOCATE, TCC, 79, 2), Frame(RESERVE, "/w/a.h", 3, 4), Frame(STATIC, "/w/a.cc", 1, 2)],
         ("/w/a.h", 3, 4, "fresh<unsigned long>", "node")),
        # the library calls back: what is outside of that is another story
        ([Frame(ALLOCATE, "/w/a.h", 3, 4), Frame(USER, TCC, 79, 2), Frame(RESERVE, "/w/a.cc", 12, 5)],
         ("/w/a.h", 3, 4, "shop::add", "node")),
        # out of line: as far as is known
        ([Frame(ALLOCATE, f"{LIBRARY}stl_vector.h", 378, 33)], (f"{LIBRARY}stl_vector.h", 378, 33, "main", "node")),
        # a call that the compiler made up
        ([Frame(ALLOCATE, "", 0, 0), Frame(USER, "/w/a.cc", 12, 5)],
         (f"{LIBRARY}new_allocator.h", 137, 48, "_Z4mainv", "node")),
        # clang's numbers for what has no name
        ([Frame(CLANG, "/w/a.cc", 7, 7)], ("/w/a.cc", 7, 7, "main", "<lambda at a.cc:7>")),
    ],
)  # fmt: skip
def test_line_of_the_user(frames, expected):
    """R4: the innermost call that stands in a file of the user's."""
    site = found(machine(), *frames)
    assert (site.file, site.line, site.column, site.function, site.type) == expected
    assert (site.callee, site.evidence) == ("_Znwm", "inlined")


def test_function_of_the_library():
    """R4: where the library's function has code of its own, its symbol tells the type, too."""
    place = machine()
    place = MachineSite(**{**vars(place), "function": PUSH.symbol})
    site = found(place, Frame(Function("allocate", "", ""), f"{LIBRARY}vector.tcc", 453, 44))
    assert (site.line, site.function, site.type) == (453, "std::vector<node>::_M_realloc_insert<node>", "node")


def test_type_of_the_source():
    """R4: an inline function of a C library's header: the type is its source's, the line its caller's."""
    site = found(machine("/usr/include/queue.h"), Frame(Function("item_new", "", ""), "/w/a.c", 5, 9),
                 type="struct item", evidence="sizeof")  # fmt: skip
    assert (site.file, site.line, site.type, site.evidence) == ("/w/a.c", 5, "struct item", "sizeof")


def test_sites_that_stay():
    """R4: the user's own call, and one about which nothing is known."""
    own = found(machine("/w/a.cc"), Frame(ALLOCATE, "/w/b.cc", 1, 1))
    assert (own.file, own.type) == ("/w/a.cc", "")
    assert found(machine()).line == 137


@pytest.mark.parametrize(
    ("path", "system"),
    [
        ("/usr/include/c++/12/bits/stl_vector.h", True),
        ("/usr/include/x86_64-linux-gnu/c++/12/bits/c++config.h", True),
        ("/usr/include/glib-2.0/glib.h", True),
        ("/usr/local/include/boost/vector.hpp", True),
        ("/usr/lib/gcc/x86_64-linux-gnu/12/include/stddef.h", True),
        ("/usr/lib/llvm-14/lib/clang/14.0.6/include/stddef.h", True),
        ("/opt/gcc-13/include/c++/13.2.0/vector", True),
        ("/w/third_party/include/vector.h", False),
        ("/usr/src/app/main.cc", False),
        ("/usr/lib/node_modules/addon/src/addon.cc", False),
        ("", False),
    ],
)
def test_system_headers(path, system):
    """R4: headers that nobody in this build wrote; not sources, wherever they lie."""
    assert is_system_header(path) is system


def test_debug_info_is_read_only_where_it_is_needed(monkeypatch):
    """R3: units whose sites are all the user's own pay nothing."""
    monkeypatch.setattr(inlined, "inlined_frames", lambda *_: pytest.fail("read"))
    source = [SourceSite("/w/a.cc", 9, 1, True, NEW, "f", None)]
    assert needed_frames("", [machine("/w/a.cc"), machine("/w/b.cc")], source, "/w") == [(), ()]


def test_debug_info_for_some():
    """R4: of sites in the library's headers, and of templates."""
    text = CODE + TEXTS["gcc 5"]
    starts = {name: text.index(f"\tcall\t{name}") for name in ("second", "third", "fifth")}
    places = [machine("/w/a.cc", starts["second"]), machine(start=starts["third"]), machine("/w/b.cc", starts["fifth"])]
    template = SourceSite("b.cc", 137, 1, True, NEW, "fresh", None, scopes="fresh<T>")
    assert needed_frames(text, places, [], "/w") == [(), EXPECTED[2], ()]
    assert needed_frames(text, places, [template], "/w") == [(), EXPECTED[2], EXPECTED[4]]
