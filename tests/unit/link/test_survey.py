"""What the inputs of a link hold: `allocscc.link.survey`, and the facts made of it: `allocscc.link.facts`."""

import os
import struct

import pytest

from allocscc.elf.object import ElfObject
from allocscc.link import glances
from allocscc.link.facts import link_facts
from allocscc.link.findings import Wanted
from allocscc.link.job import SHARED, LinkJob
from allocscc.link.plan import CALLER, REPLACE, Decision, Fact, LinkPlan
from allocscc.link.record import encode_plan
from allocscc.link.survey import survey
from allocscc.sidecar_names import DECLARATIONS_MARK
from tests.unit.elf.build import DYN, HIDDEN, LOCAL, NOTYPE, OBJECT, WEAK, Sec, Sym, archive, elf, thin_archive

_WRAPPERS, _ENTRIES = ["xmalloc", "ymalloc"], ["malloc", "free", "slab_get"]
_USES = elf([Sym("main"), Sym("xmalloc", "", type=NOTYPE), Sym("malloc", "", type=NOTYPE)])
_DEFINES = elf([Sym("xmalloc"), Sym("malloc", "", type=NOTYPE)])


@pytest.fixture
def link(tmp_path):
    """`link(words, **files)`: a link of files (`_` in a name is `.`) and what the survey finds in it."""

    def look(words, **files):
        for name, data in files.items():
            (tmp_path / name.replace("_", ".")).write_bytes(data)
        job = LinkJob(words.split(), str(tmp_path))
        return job, survey(job, Wanted(list(_WRAPPERS), list(_ENTRIES)))

    return look


def definitions(found):
    return [(d.name, d.input.index, d.member, d.weak, d.visibility) for d in found.definitions]


def references(found):
    return {name: [i.index for i in inputs] for name, inputs in found.references.items()}


def facts(job, found, **more):
    return {f.symbol: f for f in link_facts(job, found, frozenset(), **more).functions}


def test_definitions_and_references(link):
    """R7: functions of a role, found by their symbols."""
    job, found = link("-o p a.o b.o", a_o=_USES, b_o=_DEFINES)
    assert definitions(found) == [("xmalloc", 3, -1, False, 0)]
    assert references(found) == {"xmalloc": [2]}
    assert facts(job, found) == {"xmalloc": Fact("xmalloc", (3, -1))}


def test_binding_and_visibility(link):
    """R8: what decides about a definition is read from its symbol."""
    data = elf([Sym("malloc", binding=WEAK), Sym("slab_get", visibility=HIDDEN), Sym("xmalloc", type=NOTYPE)])
    _, found = link("a.o", a_o=data)
    assert sorted(definitions(found)) == [
        ("malloc", 0, -1, True, 0), ("slab_get", 0, -1, False, 2), ("xmalloc", 0, -1, False, 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "symbol",
    [Sym("xmalloc", binding=LOCAL), Sym("xmalloc", type=OBJECT), Sym("xmalloc", "", binding=WEAK),
     Sym("xmallocx"), Sym("a")],
)  # fmt: skip
def test_nothing_of_interest(link, symbol):
    """R6: local and weak undefined symbols, variables, other names: a link that costs nothing."""
    job, found = link("a.o", a_o=elf([symbol]))
    assert (found.definitions, found.references, found.unreadable) == ([], {}, [])
    assert facts(job, found) == {}


def test_entry_points_are_no_references(link):
    """R8: a direct call of malloc needs nothing."""
    _, found = link("a.o", a_o=elf([Sym("malloc", "", type=NOTYPE)]))
    assert found.references == {}


def test_archive_members(link):
    """R6: definitions and references in members, with their places."""
    lib = archive([("n.o", elf([Sym("other")])), ("d.o", _DEFINES), ("u.o", _USES)], ["other", "xmalloc", "main"])
    _, found = link("a.o x.a", a_o=_USES, x_a=lib)
    assert definitions(found) == [("xmalloc", 1, 1, False, 0)]
    assert references(found) == {"xmalloc": [0, 1]}


def test_archive_that_only_refers(link):
    """R6: the index names definitions alone; a reference to a wrapper is seen all the same."""
    _, found = link("x.a", x_a=archive([("u.o", _USES)], ["main"]))
    assert references(found) == {"xmalloc": [0]}


def test_archive_of_no_interest(link):
    """R6: it is not taken apart: damaged members do not matter."""
    lib = archive([("n.o", b"\x7fELF damaged")], ["other"])
    _, found = link("x.a", x_a=lib)
    assert (found.definitions, found.references, found.unreadable) == ([], {}, [])


def test_archive_with_foreign_members(link):
    """R6: bitcode and text in an archive are no errors (HAZARDS 15)."""
    lib = archive([("b.o", b"BC\xc0\xde"), ("t", b"text"), ("d.o", _DEFINES)], ["xmalloc"])
    _, found = link("x.a", x_a=lib)
    assert definitions(found) == [("xmalloc", 0, 2, False, 0)]
    assert found.unreadable == []


def test_thin_archive(link):
    """R6: a thin archive's members stand beside it."""
    _, found = link("x.a", d_o=_DEFINES, x_a=thin_archive(["d.o"], [len(_DEFINES)], ["xmalloc"]))
    assert definitions(found) == [("xmalloc", 0, 0, False, 0)]
    assert found.unreadable == []


def test_damaged_inputs_are_named(link):
    """R15: the link goes on, and the plan says what was not looked into."""
    job, found = link("a.o b.o x.a", a_o=_USES[:-9], b_o=_DEFINES, x_a=b"!<arch>\n" + b"?" * 60)
    assert [message.rsplit("/", 1)[-1].split(":")[0] for message in found.unreadable] == ["a.o", "x.a"]
    assert definitions(found) == [("xmalloc", 1, -1, False, 0)]
    assert link_facts(job, found, frozenset()).unreadable == tuple(found.unreadable)


def test_names_that_mislead(link):
    """R6: what ends in .o may be an archive or a shared object; the kind goes by the contents."""
    lib = archive([("d.o", _DEFINES)], ["xmalloc"])
    job, found = link("a.o x.o y.o t.o", a_o=_USES, x_o=lib, y_o=elf([Sym("ymalloc")], kind=DYN), t_o=b"text")
    assert definitions(found) == [("xmalloc", 1, 0, False, 0)]
    assert [source.kind for source in job.inputs] == ["object", "archive", "dso", "other"]


@pytest.mark.parametrize("way", ["alone", "shared", "a helper dies"])
def test_many_objects(link, monkeypatch, way):
    """R6: what is found does not depend on how many processes look, or whether they live."""
    names = [f"o{number}.o" for number in range(700)]
    files = {name.replace(".", "_"): elf([Sym(f"f{name[1:-2]}")]) for name in names}
    files |= {"o7_o": _USES, "o650_o": _DEFINES, "o300_o": _USES[:-9], "x_a": archive([("u.o", _USES)], ["main"])}
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0} if way == "alone" else {0, 1, 2})
    if way == "a helper dies":
        parent, real = os.getpid(), glances.Glances.finish
        monkeypatch.setattr(
            glances.Glances, "finish", lambda self: real(self) if os.getpid() == parent else os.kill(os.getpid(), 9)
        )
    _, found = link(" ".join(["x.a", *names]), **files)
    assert definitions(found) == [("xmalloc", 651, -1, False, 0)]
    assert references(found) == {"xmalloc": [0, 8]}
    assert [message.rsplit("/", 1)[-1].split(":")[0] for message in found.unreadable] == ["o300.o"]


def test_sites(link):
    """R13: whether any input brings site records."""
    with_sites = elf([Sym("main")], [Sec(".text"), Sec("allocs_sites", bytes(32))])
    assert link("a.o", a_o=with_sites)[1].has_sites
    assert link("x.a", x_a=archive([("a.o", with_sites)]))[1].has_sites
    job, found = link("a.o", a_o=elf([Sym("main")]))
    assert not found.has_sites
    assert not link_facts(job, found, frozenset()).has_sites


def dso(*names, plan=True):
    decisions = tuple(Decision(n, REPLACE, CALLER, "x", "", "r", "w", None) for n in names)
    sections = [Sec(".text"), Sec(".allocs.plan", encode_plan(LinkPlan(decisions), "l.so"), 0)]
    return elf([Sym(name) for name in names], sections if plan else sections[:1], DYN)


def test_identified_by_a_library(link):
    """R12: a shared object built by us identifies its wrappers itself."""
    job, found = link("a.o l.so", a_o=_USES, l_so=dso("xmalloc", "ymalloc"))
    assert found.identified == {"xmalloc"}
    assert facts(job, found)["xmalloc"] == Fact("xmalloc", references=(0,), identified=True)


def test_library_not_built_by_us(link):
    """R12: then the reference gets a caller stub."""
    job, found = link("a.o l.so", a_o=_USES, l_so=dso("xmalloc", plan=False))
    assert facts(job, found)["xmalloc"] == Fact("xmalloc", references=(0,))


@pytest.mark.parametrize("plan", [b"junk", b'{"decisions": [{}]}', b'{"decisions": 3}', b"\xff"])
def test_library_with_a_damaged_plan(link, plan):
    """R6: a damaged section in somebody's library does not stop a link."""
    data = elf([Sym("xmalloc")], [Sec(".text"), Sec(".allocs.plan", plan, 0)], DYN)
    _, found = link("a.o l.so", a_o=_USES, l_so=data)
    assert found.identified == set()


def test_first_definition_counts(link):
    """R8: as for the linker; a weak one only where no strong one is."""
    weak = elf([Sym("malloc", binding=WEAK)])
    strong = elf([Sym("malloc")])
    for words, index in (("a.o b.o c.o", 1), ("b.o c.o a.o", 0)):
        job, found = link(words, a_o=weak, b_o=strong, c_o=strong)
        assert facts(job, found)["malloc"] == Fact("malloc", (index, -1))
    job, found = link("a.o", a_o=weak)
    assert facts(job, found)["malloc"] == Fact("malloc", (0, -1), weak=True)


def test_facts_of_the_link(link):
    """R6: mode and the user's wraps come from the command line; functions are in order."""
    job, found = link("-shared --wrap=f a.o", a_o=elf([Sym("xmalloc"), Sym("slab_get"), Sym("malloc")]))
    found_facts = link_facts(job, found, frozenset({"malloc"}))
    assert (found_facts.mode, found_facts.user_wrapped) == (SHARED, frozenset({"f"}))
    assert found_facts.interposable == frozenset({"malloc"})
    assert [f.symbol for f in found_facts.functions] == ["malloc", "slab_get", "xmalloc"]


@pytest.mark.parametrize(
    "record", [b"junk", b'allocs-sidecar 1 20\n{"declarations":[{]}\n', b"allocs-sidecar 1 9\nabc"]
)
def test_damaged_sidecar(link, record):
    """R6: an object with a sidecar that cannot be read is looked into like any other, and named."""
    text = record + DECLARATIONS_MARK
    data = elf([Sym("xmalloc")], [Sec(".text"), Sec(".allocs.sidecar", text, 0)])
    _, found = link("x.o y.o", x_o=data, y_o=_DEFINES.replace(b"xmalloc", b"ymalloc"))
    assert [d.name for d in found.definitions] == ["xmalloc", "ymalloc"]
    assert found.sidecars == []
    assert len(found.unreadable) == 1
    assert "x.o" in found.unreadable[0]


def test_damaged_relocations(link):
    """R3: an object that could not be edited is left alone from the start."""
    data = bytearray(elf([Sym("xmalloc")], [Sec(".text", relocations=[(0, "xmalloc", 2, 0)])]))
    table = ElfObject(bytes(data), "x.o")
    header = next(s.index for s in table.sections if s.type == 4)
    struct.pack_into("<Q", data, table.section_offset + 64 * header + 32, len(data))
    _, found = link("x.o", x_o=bytes(data))
    assert (found.definitions, len(found.unreadable)) == ([], 1)


@pytest.mark.parametrize("name", ["xalloc;.globl y", 'xalloc"', "x alloc", "xalloc\n", "xalloc(Z)p"])
def test_globs_and_names_that_are_no_symbols(tmp_path, name):
    """R1, R6: a glob does not match what could not stand in a stub."""
    (tmp_path / "x.o").write_bytes(elf([Sym(name), Sym("yalloc")]))
    found = survey(LinkJob(["x.o"], str(tmp_path)), Wanted([], [], [("[^q]*alloc.*", True)]))
    assert [d.name for d in found.definitions] == ["yalloc"]


def parts_of(found):
    return {d.name: (set(d.parts), d.unwindable) for d in found.definitions}


def test_parts(link):
    """R16: what was split off a wrapper is found by its name; that of another function is not."""
    split = ["xmalloc.cold", "xmalloc.part.0", "xmalloc.constprop.1.cold", "xmalloc.isra.2"]
    others = ["xmalloc.other", "xmalloc.cold.x", "xmalloc.", "yxmalloc.cold", "xmallocs.cold"]
    local = [Sym(name, binding=LOCAL) for name in (*split, *others)]
    not_code = [Sym("xmalloc.part.7", "", binding=LOCAL), Sym("xmalloc.part.8", type=OBJECT, binding=LOCAL)]
    twice = [Sym("xmalloc.part.9", binding=LOCAL), Sym("xmalloc.part.9", binding=LOCAL), Sym("xmalloc.part.6")]
    data = elf([*local, *not_code, *twice, Sym("xmalloc")], [Sec(".text"), Sec(".eh_frame")])
    _, found = link("-o p a.o", a_o=data)
    assert parts_of(found) == {"xmalloc": (set(split), True)}


def test_parts_whose_names_share_a_tail(link):
    """R16: compilers store a name that another one ends with only once."""
    data = elf([Sym("zxmalloc.cold", binding=LOCAL), Sym("xmalloc.cold", binding=LOCAL), Sym("xmalloc")])
    place = data.index(b"zxmalloc.cold\0")
    data = data.replace(b"\0xmalloc.cold\0", b"\0*******.****\0")
    elf_file = ElfObject(data, "a.o")
    table = elf_file.table(2)
    strings = elf_file.sections[table.link].offset
    shared = bytearray(data)
    struct.pack_into("<I", shared, table.offset + 2 * 24, place + 1 - strings)
    _, found = link("-o p a.o", a_o=bytes(shared))
    assert parts_of(found) == {"xmalloc": ({"xmalloc.cold"}, False)}


def test_very_many_parts(link):
    """R3: a damaged file may have any number of names."""
    names = [Sym(f"xmalloc.part.{n}", binding=LOCAL) for n in range(5000)]
    _, found = link("-o p a.o", a_o=elf([*names, Sym("xmalloc")]))
    assert len(found.definitions[0].parts) <= 64


@pytest.mark.parametrize(("option", "unwindable"), [("", True), ("--no-eh-frame-hdr ", False)])
def test_unwindable(link, option, unwindable):
    """R16: whether a wrapper's code can be walked out of."""
    tables = elf([Sym("xmalloc")], [Sec(".text"), Sec(".eh_frame")])
    job, found = link(f"{option}-o p a.o", a_o=tables)
    assert facts(job, found)["xmalloc"].unwindable is unwindable
