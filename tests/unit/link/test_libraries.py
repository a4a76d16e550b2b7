"""What shared libraries define of that which the runtime interposes: `allocscc.link.libraries`, and the facts of it."""

import pytest

from allocscc.backends.runtime import Interposed
from allocscc.link.facts import with_libraries
from allocscc.link.job import EXECUTABLE, LinkJob
from allocscc.link.libraries import ANYWAY, INTERPOSED_ONLY, UNKNOWN, interposed_libraries
from allocscc.link.plan import LinkFacts
from tests.unit.elf.build import DYN, NOTYPE, WEAK, Sym, archive, elf

_NAMES = Interposed({"_Znwm", "_ZdlPv", "malloc", "free"}, {"_Znwm"})
_CXX = elf([Sym("_Znwm"), Sym("_ZdlPv"), Sym("_ZSt9terminatev"), Sym("__gxx_personality_v0")], kind=DYN)
_JEMALLOC = elf([Sym("_Znwm"), Sym("malloc"), Sym("free"), Sym("mallctl")], kind=DYN)
_HOARD = elf([Sym("_Znwm"), Sym("malloc")], kind=DYN)
_OTHER = elf([Sym("other"), Sym("_Znwm", "", type=NOTYPE)], kind=DYN)


def uses(*names, binding=1):
    return elf([Sym("main"), *(Sym(name, "", type=NOTYPE, binding=binding) for name in names)])


@pytest.fixture
def link(tmp_path):
    """`link(words, **files)`: a link of files (`_` in a name is `.`)."""

    def look(words, **files):
        for name, data in files.items():
            (tmp_path / name.replace("_", ".")).write_bytes(data)
        return LinkJob(words.split(), str(tmp_path))

    return look


def found(job):
    return [
        (one.path.rpartition("/")[2], one.operators, one.kept, one.lost) for one in interposed_libraries(job, _NAMES)
    ]


def test_a_library_that_is_needed_anyway(link):
    """R11: without --as-needed nothing has to be kept."""
    job = link("a.o cxx.so other.so", a_o=uses("_Znwm"), cxx_so=_CXX, other_so=_OTHER)
    assert found(job) == [("cxx.so", True, "", False)]


@pytest.mark.parametrize(
    ("words", "object_", "need"),
    [
        ("--as-needed a.o cxx.so", uses("_Znwm"), INTERPOSED_ONLY),
        ("--as-needed a.o cxx.so", uses("_ZdlPv"), INTERPOSED_ONLY),
        ("--as-needed a.o cxx.so", uses("_Znwm", "__gxx_personality_v0"), ANYWAY),
        ("--as-needed a.o cxx.so", uses("_Znwm", binding=WEAK), UNKNOWN),
        ("--as-needed a.o cxx.so", uses("free"), UNKNOWN),
        ("--as-needed --no-as-needed a.o cxx.so", uses("_Znwm"), ANYWAY),
        ("--push-state --as-needed --pop-state a.o cxx.so", uses("_Znwm"), ANYWAY),
        ("--as-needed --push-state --no-as-needed --pop-state a.o cxx.so", uses("_Znwm"), INTERPOSED_ONLY),
        ("a.o --as-needed cxx.so", uses("_Znwm"), INTERPOSED_ONLY),
        ("a.o cxx.so --as-needed", uses("_Znwm"), ANYWAY),
        ("--pop-state --as-needed a.o cxx.so", uses("_Znwm"), INTERPOSED_ONLY),
    ],
)
def test_as_needed(link, words, object_, need):
    """R11, R15: what is interposed does not count for some linkers; what else the objects need of it does."""
    (library,) = interposed_libraries(link(words, a_o=object_, cxx_so=_CXX), _NAMES)
    assert library.need == need
    assert library.kept == ("_ZSt9terminatev" if need == INTERPOSED_ONLY else "")
    assert library.lost == (need == UNKNOWN)


def test_the_first_library_that_defines_it_counts(link):
    """R11: as for the linker and the loader."""
    job = link("--as-needed a.o j.so cxx.so", a_o=uses("_Znwm", "malloc"), j_so=_JEMALLOC, cxx_so=_CXX)
    assert found(job) == [("j.so", True, "mallctl", False), ("cxx.so", False, "", False)]


def test_a_library_that_cannot_be_kept(link):
    """R11: it has no function that is known to be in it and in no other one."""
    job = link("--as-needed a.o hoard.so", a_o=uses("malloc"), hoard_so=_HOARD)
    assert found(job) == [("hoard.so", True, "", True)]
    assert with_libraries(LinkFacts(EXECUTABLE), job, _NAMES).lost == (job.inputs[1].path,)


def test_scripts(link, tmp_path):
    """R11: libc++.so is a linker script; AS_NEEDED in one is the option."""
    (tmp_path / "libcxx.so").write_text("INPUT(cxx.so AS_NEEDED(hoard.so))")
    job = link("-L. a.o -lcxx", a_o=uses("_Znwm"), cxx_so=_CXX, hoard_so=_HOARD)
    assert found(job) == [("cxx.so", True, "", False), ("hoard.so", False, "", False)]


def test_what_cannot_be_read(link):
    """R3: a damaged library is the linker's to complain of."""
    assert found(link("a.o b.so", a_o=uses("_Znwm"), b_so=_CXX[:200])) == []
    job = link("--as-needed a.o cxx.so", a_o=b"\x7fELF", cxx_so=_CXX)
    assert found(job) == [("cxx.so", True, "", True)]


def test_facts(link):
    """R11: what the plan looks at."""
    job = link("--as-needed a.o cxx.so", a_o=uses("_Znwm"), cxx_so=_CXX)
    facts = with_libraries(LinkFacts(EXECUTABLE), job, _NAMES)
    assert (facts.operators, facts.keep, facts.lost) == ({"_Znwm"}, ("_ZSt9terminatev",), ())
    facts = with_libraries(LinkFacts(EXECUTABLE), link("a.o other.so", other_so=_OTHER), _NAMES)
    assert (facts.operators, facts.keep, facts.lost) == (frozenset(), (), ())


def test_members_of_archives_do_not_count(link):
    """R11: the linker may not take them."""
    job = link("--as-needed a.o l.a cxx.so", a_o=uses(), l_a=archive([("m.o", uses("_Znwm"))]), cxx_so=_CXX)
    assert found(job) == [("cxx.so", True, "", True)]
