"""Differences of two links and who caused them: `allocscc.link.verify` and what it is made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.link.difference import difference
from allocscc.link.outcome import ObjectFacts, Outcome, SymbolFact
from allocscc.link.plan import CALLER, ENTRY, LEAVE, MARK, REDIRECT, REPLACE, WRAP, Decision, LinkPlan
from allocscc.link.twolinks import (
    INTERPOSE,
    KEEP,
    KEPT_ALIVE,
    KEPT_PLAN,
    OTHER,
    REGISTER,
    RUNTIME,
    STUB,
    EditedInput,
    NewInput,
    TwoLinks,
)
from allocscc.link.verify import verify
from allocscc.values import replace

_UNDEFINED = "UND"
_RT, _STUB_PATH, _PLAN_PATH = "/rt/liballocsrt.a", "/cache/stubs/1.o", "/tmp/a/allocs-plan.o"
_X = Decision("xmalloc", REPLACE, CALLER, "x", "project.toml:9", "wrapper-defined", "defined here", place=(3, -1))
_TITLE = "xmalloc: replace (wrapper-defined), because of x, project.toml:9"


def function(name, size=10, **fields):
    return SymbolFact(name, ".text", size=size, **fields)


def undefined(name, binding="global"):
    return SymbolFact(name, _UNDEFINED, binding, "notype")


def new_object(path, role, *symbols, family="", **sections):
    sizes = tuple((f".{name}", size, 1) for name, size in sections.items())
    return NewInput(path, role, ObjectFacts(tuple(symbols), sizes), family)


MAIN, XMALLOC = function("main", 20), function("xmalloc", 30)
VANILLA = Outcome(
    symbols=(MAIN, XMALLOC, undefined("malloc")),
    dynamic=(undefined("malloc"),),
    needed=("libc.so.6",),
    sections=((".text", 50), (".dynsym", 48), (".gnu.version", 4)),
    properties=(("stack", "not executable"),),
    inputs=("/w/main.o", "/w/x.o"),
    options=("-pie",),
)
RUNTIME_OBJECT = new_object(f"{_RT}(anchor.o)", RUNTIME, function("__allocs_runtime", 8), undefined("mmap"), text=8)
REAL = replace(XMALLOC, name="__real_xmalloc", visibility="hidden")
STUB_SYMBOLS = (
    function("xmalloc", 60),
    SymbolFact("__allocs_wrapper_xmalloc", ".data", kind="object", visibility="hidden", size=40),
    SymbolFact("stub.c", "ABS", "local", "file"),
    undefined("__real_xmalloc"),
)
OURS = replace(
    VANILLA,
    symbols=(
        MAIN, REAL, *STUB_SYMBOLS[:3], undefined("malloc"), undefined("mmap"), function("__allocs_runtime", 8),
    ),
    dynamic=(undefined("malloc"), undefined("mmap")),
    sections=((".text", 118), (".data", 40), (".dynsym", 72), (".gnu.version", 6)),
    inputs=("/w/main.o", "/tmp/a/3-x.o", _STUB_PATH, f"{_RT}(anchor.o)", _PLAN_PATH),
    options=("-u __allocs_runtime", "--dynamic-list=/rt/exports.list", "-pie"),
)  # fmt: skip
PROVED = TwoLinks(
    VANILLA,
    OURS,
    LinkPlan((_X,), runtime=True),
    (
        RUNTIME_OBJECT,
        new_object(_STUB_PATH, STUB, *STUB_SYMBOLS, text=60, data=40),
        new_object(_PLAN_PATH, KEPT_PLAN),
    ),
    (EditedInput("/tmp/a/3-x.o", "/w/x.o", ("xmalloc",), holders=("/w/x.o",)),),
    exports="/rt/exports.list",
)


def unexplained(links):
    return [f"{line.sign} {line.kind} {line.name}" for line in verify(links).unexplained]


def with_symbols(links, *facts, without=()):
    kept = tuple(fact for fact in links.ours.symbols if fact.name not in without)
    return replace(links, ours=replace(links.ours, symbols=(*kept, *facts)))


def test_a_link_that_is_all_decisions_is_proved():
    """R15: every line has its cause, and the causes are the decisions'."""
    verdict = verify(PROVED)
    assert verdict.proved, verdict
    causes = {(one.line.sign, one.line.kind, one.line.name): one.cause for one in verdict.explained}
    assert causes["-", "symbol", "xmalloc"] == _TITLE
    assert causes["+", "symbol", "__real_xmalloc"] == _TITLE
    assert causes["+", "input", "/tmp/a/3-x.o"] == _TITLE
    assert causes["+", "import", "mmap"].startswith("runtime: linked in")
    assert causes["+", "section", ".data"] == _TITLE
    assert len(causes) == len(difference(VANILLA, OURS))


def test_nothing_to_do_is_proved():
    """R15: no plan and no difference."""
    assert verify(TwoLinks(VANILLA, VANILLA)).proved


def test_an_empty_plan_claims_nothing():
    """R15: the same difference without a plan is not explained in a single line."""
    verdict = verify(replace(PROVED, plan=LinkPlan()))
    assert verdict.explained == ()
    assert len(verdict.unexplained) == len(difference(VANILLA, OURS))


def test_a_decision_to_leave_claims_nothing():
    """R15: a decision that does nothing explains nothing."""
    left = replace(_X, action=LEAVE, stub="")
    found = unexplained(replace(PROVED, plan=LinkPlan((left,), runtime=True)))
    assert "- symbol xmalloc" in found
    assert "+ input /tmp/a/3-x.o" in found
    assert f"+ input {_STUB_PATH}" in found


_NAMES = st.text(st.characters(codec="ascii", categories=("L", "N"), include_characters="_.$"), min_size=1)
_FACTS = st.builds(
    SymbolFact,
    _NAMES | st.sampled_from(["xmalloc", "alloc_free", "__allocs_more", "__wrap_xmalloc", "__real_malloc", "_end"]),
    st.sampled_from([".text", ".data", ".bss", "ABS"]),
    st.sampled_from(["local", "global", "weak"]),
    st.sampled_from(["function", "object", "tls", "file"]),
    st.sampled_from(["default", "hidden", "protected"]),
    st.integers(1, 1 << 40),
)


@given(_FACTS)
def test_an_extra_symbol_is_always_found(fact):
    """R15: whatever it is called: no name is ours by how it looks."""
    assert f"+ symbol {fact.name}" in unexplained(with_symbols(PROVED, fact))


@given(st.sampled_from(OURS.symbols))
def test_a_symbol_twice_is_found(fact):
    """R15: a symbol of a new object explains one line and no more."""
    if fact.defined:
        assert unexplained(with_symbols(PROVED, fact)) == [f"+ symbol {fact.name}"]


@given(st.sampled_from([MAIN, *(fact for fact in OURS.symbols if fact.defined)]))
def test_a_lost_symbol_is_found(fact):
    """R15: what our link has to have, or had before, is missed."""
    lost = replace(OURS, symbols=tuple(one for one in OURS.symbols if one != fact))
    verdict = verify(replace(PROVED, ours=lost))
    needed = fact.name not in ("stub.c", "__allocs_wrapper_xmalloc")  # a decision's trace is its stub
    assert verdict.proved != needed


@given(st.lists(_FACTS), st.lists(_FACTS))
def test_without_a_plan_every_difference_is_reported(before, after):
    """R15: the difference of any two symbol tables, each line of it unexplained."""
    vanilla, ours = Outcome(symbols=tuple(before)), Outcome(symbols=tuple(after))
    verdict = verify(TwoLinks(vanilla, ours))
    assert verdict.unexplained == difference(vanilla, ours)
    assert bool(verdict.unexplained) == (sorted(map(str, before)) != sorted(map(str, after)))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"needed": ("libc.so.6", "libm.so.6")}, "+ needed libm.so.6"),
        ({"needed": ()}, "- needed libc.so.6"),
        ({"properties": (("stack", "executable"),)}, "+ property stack executable"),
        ({"options": (*OURS.options, "--wrap=malloc")}, "+ option --wrap=malloc"),
        ({"options": (*OURS.options, "-u __allocs_interpose_malloc")}, "+ option -u __allocs_interpose_malloc"),
        ({"options": OURS.options[:2]}, "- option -pie"),
        ({"inputs": (*OURS.inputs, "/w/more.o")}, "+ input /w/more.o"),
        ({"inputs": (*OURS.inputs, "/w/libx.a(more.o)")}, "+ input /w/libx.a(more.o)"),
        ({"inputs": OURS.inputs[1:]}, "- input /w/main.o"),
        ({"dynamic": (*OURS.dynamic, function("main", 20))}, "+ export main"),
        ({"dynamic": (*OURS.dynamic, undefined("getenv"))}, "+ import getenv"),
        ({"dynamic": OURS.dynamic[1:]}, "- import malloc"),
        ({"dynamic": (*OURS.dynamic, STUB_SYMBOLS[1])}, "+ export __allocs_wrapper_xmalloc"),  # hidden: not for others
        ({"sections": (*OURS.sections, (".init", 1))}, None),  # less than padding
        ({"sections": (*OURS.sections, (".init", 1000))}, "+ section .init"),
        ({"sections": ((".text", 118 + 1000), *OURS.sections[1:])}, "+ section .text"),
        ({"sections": (*OURS.sections[:2], (".dynsym", 96), OURS.sections[3])}, "+ section .dynsym"),
    ],
)
def test_what_no_decision_causes_is_found(change, line):
    """R15: options, inputs, exports, imports, needed libraries, sections and properties, one a row."""
    ours = replace(OURS, **change)
    assert (line in unexplained(replace(PROVED, ours=ours))) if line else verify(replace(PROVED, ours=ours)).proved


@pytest.mark.parametrize(
    "stub",
    [
        replace(STUB_SYMBOLS[0], binding="weak"),
        replace(STUB_SYMBOLS[0], visibility="hidden"),
        replace(STUB_SYMBOLS[0], binding="local"),
    ],
)
def test_a_stub_has_the_definitions_binding(stub):
    """R8, R15: a stub that others see otherwise than the function before is a difference of its own."""
    assert unexplained(with_symbols(PROVED, stub, without=("xmalloc",))) == ["- symbol xmalloc"]


@pytest.mark.parametrize(
    ("lost", "trace"),
    [
        ("__real_xmalloc", "no __real_xmalloc in the output"),
        ("xmalloc", "no stub xmalloc in the output"),
        ("__allocs_runtime", "no __allocs_runtime in the output"),
    ],
)
def test_a_decision_without_a_trace_is_found(lost, trace):
    """R15: a decision that was not carried out is reported, whatever else is explained."""
    assert any(trace in text for text in verify(with_symbols(PROVED, without=(lost,))).traceless)


def test_a_link_without_any_of_it_has_no_trace():
    """R15: our link fell back to the vanilla one: no difference, and yet not proved."""
    verdict = verify(TwoLinks(VANILLA, VANILLA, LinkPlan((_X,), True, ("malloc",), True)))
    assert verdict.unexplained == ()
    assert [text.partition(":")[0] for text in verdict.traceless] == [
        "xmalloc", "runtime", "register", "plan", "runtime-interposes",
    ]  # fmt: skip


def test_a_member_that_was_not_taken_leaves_no_trace():
    """R15: a decision about an archive's member that neither link takes is idle, not lost."""
    absent = replace(_X, symbol="xother")
    edited = EditedInput("/tmp/a/5-l.a", "/w/l.a", ("xother",), holders=("/w/l.a(other.o)",))
    links = replace(PROVED, plan=replace(PROVED.plan, decisions=(_X, absent)), edited=(*PROVED.edited, edited))
    verdict = verify(links)
    assert verdict.proved
    assert [text.partition(":")[0] for text in verdict.idle] == ["xother"]


def test_what_the_link_wrote_before_is_a_problem():
    """R15: a changed copy that differs where it should not."""
    verdict = verify(replace(PROVED, problems=("x.o: section .text has other contents in the copy",)))
    assert not verdict.proved
    assert verdict.unexplained == ()


WRAPPED = replace(_X, action=WRAP, rule="wrapper-imported", place=None, references=(2,))


def test_a_wrapped_import():
    """R15: `--wrap`: the stub, and the reference through it."""
    symbols = (
        SymbolFact("__wrap_xmalloc", ".text", visibility="hidden", size=60),
        SymbolFact("__allocs_wrapper_xmalloc", ".data", "weak", "object", size=40),
        undefined("__real_xmalloc"),
    )
    vanilla = Outcome(symbols=(MAIN, undefined("xmalloc")), dynamic=(undefined("xmalloc"),), sections=((".text", 20),))
    ours = replace(
        vanilla,
        symbols=(*vanilla.symbols, *symbols[:2]),
        dynamic=(*vanilla.dynamic, symbols[1]),
        sections=((".text", 80), (".data", 40)),
        inputs=("/tmp/a/liballocs-wraps.a(1.o)", _PLAN_PATH),
        options=("--wrap=xmalloc",),
    )
    stub = new_object("/tmp/a/liballocs-wraps.a(1.o)", STUB, *symbols, text=60, data=40)
    links = TwoLinks(vanilla, ours, LinkPlan((WRAPPED,)), (stub, new_object(_PLAN_PATH, KEPT_PLAN)))
    assert verify(links).proved, verify(links)
    lost = replace(ours, symbols=vanilla.symbols)
    assert verify(replace(links, ours=lost)).traceless


MARKED = replace(_X, action=MARK, rule="wrapper-unwound", parts=("xmalloc.cold",))
_COLD = function("xmalloc.cold", 5, binding="local")
_IDENTITY = SymbolFact("__allocs_wrapper_xmalloc", ".data", kind="object", visibility="hidden", size=40)


def marked_links(*options, decision=MARKED):
    vanilla = Outcome(symbols=(MAIN, XMALLOC, _COLD), sections=((".text", 60), (".eh_frame", 400)), inputs=("/w/x.o",))
    symbols = (_IDENTITY, function("mark0_0", 9, binding="local"), undefined("__allocs_own_xmalloc", "weak"))
    ours = replace(
        vanilla,
        symbols=(
            *vanilla.symbols, *symbols[:2], replace(XMALLOC, name="__allocs_own_xmalloc", visibility="hidden"),
            replace(_COLD, name="__allocs_own_xmalloc.cold", binding="global", visibility="hidden"),
        ),
        sections=((".text", 69), (".eh_frame", 420), (".data", 40)),
        inputs=("/tmp/a/3-x.o", _STUB_PATH, _PLAN_PATH),
        options=options,
    )  # fmt: skip
    stub = new_object(_STUB_PATH, STUB, *symbols, text=9, data=40, eh_frame=20)
    edited = EditedInput("/tmp/a/3-x.o", "/w/x.o", ("xmalloc",), holders=("/w/x.o",))
    return TwoLinks(vanilla, ours, LinkPlan((decision,)), (stub, new_object(_PLAN_PATH, KEPT_PLAN)), (edited,))


def test_a_marked_definition():
    """R15, R16: the further names of the function and its parts, and the object that knows of them."""
    links = marked_links()
    assert verify(links).proved, verify(links)
    assert "+ symbol __allocs_own_xmalloc.cold" in unexplained(
        replace(links, plan=LinkPlan((replace(MARKED, parts=()),)))
    )
    other = replace(XMALLOC, name="__allocs_own_xmalloc", visibility="hidden", size=31)
    assert unexplained(with_symbols(links, other, without=("__allocs_own_xmalloc",))) == [
        "+ symbol __allocs_own_xmalloc"
    ]


@pytest.mark.parametrize(
    ("lost", "trace"),
    [
        ("__allocs_own_xmalloc", "no __allocs_own_xmalloc in the output"),
        ("__allocs_own_xmalloc.cold", "no __allocs_own_xmalloc.cold in the output"),
        ("__allocs_wrapper_xmalloc", "no stub __allocs_wrapper_xmalloc in the output"),
    ],
)
def test_a_mark_without_a_trace_is_found(lost, trace):
    """R15, R16: each name that the mark needs."""
    assert any(trace in text for text in verify(with_symbols(marked_links(), without=(lost,))).traceless)


def test_the_table_of_unwind_tables():
    """R15, R16: where the vanilla link has none, ours has one for the marks, not larger than the tables allow."""
    links = marked_links("--eh-frame-hdr")

    def with_table(size, links=links):
        return replace(links, ours=replace(links.ours, sections=(*links.ours.sections, (".eh_frame_hdr", size))))

    assert verify(with_table(12 + 8 * 20)).proved, verify(with_table(12 + 8 * 20))
    assert unexplained(with_table(420)) == ["+ section .eh_frame_hdr"]
    assert unexplained(with_table(12 + 8 * 20, marked_links())) == ["+ section .eh_frame_hdr"]
    replaced = unexplained(marked_links("--eh-frame-hdr", decision=replace(MARKED, action=REPLACE, parts=())))
    assert "+ option --eh-frame-hdr" in replaced


def test_what_marks_keep_alive():
    """R15, R16: a marked function that --gc-sections would have dropped, as far as an input has it."""
    links = marked_links()
    dead, more = function("xcalloc", 12), function("yfree", 9)
    kept = NewInput("/w/x.o", KEPT_ALIVE, ObjectFacts((dead,)))
    assert unexplained(with_symbols(replace(links, new=(*links.new, kept)), dead, more)) == ["+ symbol yfree"]
    assert unexplained(with_symbols(links, dead)) == ["+ symbol xcalloc"]


def test_a_marked_import():
    """R15, R16: nothing of the command line changes but the object that knows where the function is."""
    decision = replace(MARKED, place=None, references=(2,), parts=())
    symbols = (replace(_IDENTITY, binding="weak", visibility="default"), undefined("xmalloc", "weak"))
    vanilla = Outcome(symbols=(MAIN, undefined("xmalloc")), dynamic=(undefined("xmalloc"),))
    ours = replace(
        vanilla,
        symbols=(*vanilla.symbols, symbols[0]),
        dynamic=(*vanilla.dynamic, symbols[0]),
        inputs=(_STUB_PATH, _PLAN_PATH),
    )
    stub = new_object(_STUB_PATH, STUB, *symbols)
    links = TwoLinks(vanilla, ours, LinkPlan((decision,)), (stub, new_object(_PLAN_PATH, KEPT_PLAN)))
    assert verify(links).proved, verify(links)
    assert verify(replace(links, ours=replace(ours, symbols=vanilla.symbols))).traceless
    absent = replace(vanilla, symbols=(MAIN,), dynamic=())
    assert verify(replace(links, vanilla=absent)).idle


def test_a_redirected_definition():
    """R9, R15: the exported definition stays; its second name and the hidden stub are the decision's."""
    decision = replace(_X, symbol="malloc", action=REDIRECT, stub=ENTRY, entry="malloc")
    malloc = function("malloc", 36)
    symbols = (
        SymbolFact("__wrap_malloc", ".text", visibility="hidden", size=66),
        SymbolFact("malloc_allocator", ".data", kind="object", visibility="hidden", size=64),
        undefined("__allocs_own_malloc"),
    )
    vanilla = Outcome(symbols=(malloc,), dynamic=(malloc,), inputs=("/w/own.o",))
    ours = replace(
        vanilla,
        symbols=(malloc, replace(malloc, name="__allocs_own_malloc", visibility="hidden"), *symbols[:2]),
        inputs=("/tmp/a/3-own.o", _STUB_PATH, _PLAN_PATH),
        options=("--wrap=malloc",),
    )
    links = TwoLinks(
        vanilla,
        ours,
        LinkPlan((decision,)),
        (new_object(_STUB_PATH, STUB, *symbols), new_object(_PLAN_PATH, KEPT_PLAN)),
        (EditedInput("/tmp/a/3-own.o", "/w/own.o", ("malloc",), holders=("/w/own.o",)),),
    )
    assert verify(links).proved, verify(links)
    other = replace(ours, symbols=(*ours.symbols[1:], replace(malloc, size=40)))
    assert unexplained(replace(links, ours=other)) == ["- symbol malloc", "+ symbol malloc"]


def test_an_interposed_family():
    """R11, R15: what was imported is now defined, since the plan interposes the family and not otherwise."""
    object_ = new_object(
        "/rt/i.a(malloc.o)", INTERPOSE, replace(function("malloc", 99), binding="weak"), family="malloc"
    )
    vanilla = Outcome(symbols=(MAIN, undefined("malloc")), dynamic=(undefined("malloc"),))
    runtime = replace(RUNTIME_OBJECT, facts=ObjectFacts(RUNTIME_OBJECT.facts.symbols[:1]))
    ours = Outcome(
        symbols=(MAIN, *object_.facts.symbols, function("__allocs_runtime", 8)),
        dynamic=object_.facts.symbols,
        inputs=("/rt/i.a(malloc.o)", runtime.path),
        options=("-u __allocs_interpose_malloc", "-u __allocs_runtime"),
    )
    links = TwoLinks(vanilla, ours, LinkPlan((), True, ("malloc",)), (object_, runtime))
    assert verify(links).proved, verify(links)
    assert "- import malloc" in unexplained(replace(links, plan=LinkPlan((), runtime=True)))
    lost = replace(ours, symbols=(MAIN, ours.symbols[-1]), dynamic=())
    assert unexplained(replace(links, ours=lost)) == ["- symbol malloc", "- import malloc"]


def test_a_library_that_is_kept_needed():
    """R11, R15: one reference and one option, which the plan has, and no other."""
    keep = new_object("/rt/i.a(keep-mallctl.o)", KEEP, undefined("mallctl"), family="mallctl")
    vanilla = Outcome(symbols=(MAIN,))
    runtime = replace(RUNTIME_OBJECT, facts=ObjectFacts(RUNTIME_OBJECT.facts.symbols[:1]))
    ours = Outcome(
        symbols=(MAIN, undefined("mallctl"), function("__allocs_runtime", 8)),
        dynamic=(undefined("mallctl"),),
        inputs=(keep.path, runtime.path),
        options=("-u __allocs_keep_mallctl", "-u __allocs_runtime"),
    )
    links = TwoLinks(vanilla, ours, LinkPlan((), True, keep=("mallctl",)), (keep, runtime))
    assert verify(links).proved, verify(links)
    assert set(unexplained(replace(links, plan=LinkPlan((), True)))) == {
        "+ symbol mallctl", "+ import mallctl", "+ input /rt/i.a(keep-mallctl.o)", "+ option -u __allocs_keep_mallctl",
    }  # fmt: skip
    assert verify(replace(links, new=(runtime,))).traceless == ("kept-needed: nothing of ours refers to mallctl",)


def test_what_a_stub_object_defines_beside_its_stubs():
    """R2, R15: a project's header in stubs may define what it likes; without one, nobody may."""
    planted = function("planted", 5)
    stub = new_object(_STUB_PATH, STUB, *STUB_SYMBOLS, planted, text=65, data=40)
    links = with_symbols(replace(PROVED, new=(RUNTIME_OBJECT, stub, PROVED.new[2])), planted)
    assert unexplained(links) == ["+ symbol planted"]
    verdict = verify(replace(links, headers=("project.toml:3",)))
    assert verdict.proved
    assert "[stubgen] include: project.toml:3" in {one.cause for one in verdict.explained}


def test_a_librarys_member_that_the_runtime_needs():
    """R15: a member that only our link takes is explained by who refers to it, and by nothing else."""
    member = new_object("/usr/lib/libc_nonshared.a(atfork.oS)", OTHER, function("mmap", 16))
    ours = replace(OURS, inputs=(*OURS.inputs, member.path))
    links = with_symbols(replace(PROVED, ours=ours, new=(*PROVED.new, member)), member.facts.symbols[0])
    assert verify(links).proved, verify(links)
    other = replace(member, facts=ObjectFacts((function("getenv", 16),)))
    links = with_symbols(replace(PROVED, ours=ours, new=(*PROVED.new, other)), other.facts.symbols[0])
    assert unexplained(links) == [f"+ input {member.path}", "+ symbol getenv"]


def test_records_keep_dead_code_alive():
    """R15: gold's --gc-sections: what an object with records holds may stay; only if the plan registers records."""
    dead = function("dead", 9)
    alive = new_object("/w/main.o", KEPT_ALIVE, MAIN, dead, allocs_sites=32)
    register = new_object("/rt/site.o", REGISTER, undefined("__start_allocs_sites"))
    ours = replace(OURS, inputs=(*OURS.inputs, register.path))
    bound = SymbolFact("__start_allocs_sites", "allocs_sites", "local", "notype", "hidden")
    links = replace(PROVED, ours=ours, new=(*PROVED.new, alive, register))
    links = with_symbols(replace(links, plan=replace(PROVED.plan, register=True)), dead, bound)
    assert verify(links).proved, verify(links)
    assert "+ symbol dead" in unexplained(replace(links, plan=PROVED.plan))


def test_a_linker_script_that_is_written_out():
    """R15: its words are explained, and nothing else that is not there any more."""
    vanilla = replace(VANILLA, options=(*VANILLA.options, "-ls"), inputs=(*VANILLA.inputs, "/w/libs.so"))
    links = replace(PROVED, vanilla=vanilla)
    assert unexplained(links) == ["- option -ls", "- input /w/libs.so"]
    lines = {("-", "option", "-ls"), ("-", "input", "/w/libs.so")}
    assert verify(replace(links, written_out=frozenset(lines))).proved


def test_records_in_link_time_code():
    """R15: under LTO a tail call is a call in our code; without LTO, a function of another size is a lie."""
    plan = LinkPlan((), runtime=True, register=True)
    register = new_object("/rt/site.o", REGISTER)
    label = SymbolFact(".Lallocs_str0", ".rodata", "local", "notype")
    ours = Outcome(
        symbols=(replace(MAIN, size=29), label, function("__allocs_runtime", 8)),
        sections=(("allocs_sites", 32), (".rodata", 60)),
        inputs=(register.path, RUNTIME_OBJECT.path),
    )
    links = TwoLinks(Outcome(symbols=(MAIN,)), ours, plan, (register, RUNTIME_OBJECT), lto=True)
    assert verify(links).proved, verify(links)
    assert "- symbol main" in unexplained(replace(links, lto=False))


def test_an_export_of_link_time_code():
    """R15: a function that LTO makes of another size, in the dynamic symbol table, too; its version stays."""
    plan, register = LinkPlan((), register=True), new_object("/rt/site.o", REGISTER)
    after = replace(MAIN, size=29)
    ours = Outcome(symbols=(after,), dynamic=(after,), inputs=(register.path,))
    links = TwoLinks(Outcome(symbols=(MAIN,), dynamic=(MAIN,)), ours, plan, (register,), lto=True)
    assert verify(links).proved, verify(links)
    versioned = replace(links, ours=replace(ours, dynamic=(replace(after, version="V1"),)))
    assert unexplained(versioned) == ["- export main", "+ export main"]


IFUNC = replace(XMALLOC, kind="ifunc")
_INTERPRETER = ("interpreter", "/lib64/ld.so")


def with_ifunc(shown, *, properties=(), dynamic=()):
    """The links of `PROVED`, of an ifunc that the vanilla output shows as it says."""
    vanilla = replace(
        VANILLA,
        symbols=(MAIN, shown, undefined("malloc")),
        dynamic=(*VANILLA.dynamic, *dynamic),
        properties=(*VANILLA.properties, *properties),
    )
    real = replace(IFUNC, name="__real_xmalloc", visibility="hidden")
    links = with_symbols(replace(PROVED, vanilla=vanilla), real, without=("__real_xmalloc",))
    changed = replace(links.ours, properties=(*VANILLA.properties, *(one for one in properties if one == _INTERPRETER)))
    smaller = {".dynsym": 24 * len(dynamic), ".gnu.version": 2 * len(dynamic)}
    tables = tuple((name, size - smaller.get(name, 0)) for name, size in changed.sections)
    return replace(links, ours=replace(changed, sections=tables))


@pytest.mark.parametrize("shown", [IFUNC, replace(XMALLOC, section=".iplt", size=0)])
def test_an_ifunc(shown):
    """R15: lld shows one whose address is taken as its PLT entry; no other function may change its kind."""
    assert verify(with_ifunc(shown)).proved, verify(with_ifunc(shown))
    other = replace(shown, kind="function", size=7, section=".text")
    assert unexplained(with_ifunc(other)) == ["- symbol xmalloc", "+ symbol __real_xmalloc"]


def test_an_ifunc_that_gold_exports():
    """R15: gold exports a program's ifunc for its relocation; what a shared object exports, stays."""
    assert unexplained(with_ifunc(IFUNC, properties=(_INTERPRETER,), dynamic=(IFUNC,))) == []
    assert "- export xmalloc" in unexplained(with_ifunc(IFUNC, dynamic=(IFUNC,)))
    links = with_ifunc(IFUNC, properties=(_INTERPRETER,), dynamic=(IFUNC,))
    asked = replace(links.vanilla, options=(*VANILLA.options, "--export-dynamic"))
    assert "- export xmalloc" in unexplained(replace(links, vanilla=asked))
    plain = with_ifunc(XMALLOC, properties=(_INTERPRETER,), dynamic=(XMALLOC,))
    assert "- export xmalloc" in unexplained(plain)


def test_text_relocations_for_an_ifunc():
    """R15: mold's, for the address of an ifunc, go with it; no other flag may, and none may come."""
    textrel = (("TEXTREL", "0x0"), ("FLAGS", "0x4"))
    assert verify(with_ifunc(IFUNC, properties=textrel)).proved
    gone = ["- property TEXTREL 0x0", "- property FLAGS 0x4"]
    assert unexplained(with_ifunc(XMALLOC, properties=textrel))[-2:] == gone
    more = with_ifunc(IFUNC, properties=(("TEXTREL", "0x0"), ("FLAGS", "0xc")))
    assert "- property FLAGS 0xc" in unexplained(more)
    kept = replace(more, ours=replace(more.ours, properties=(*more.ours.properties, ("FLAGS", "0x8"))))
    assert verify(kept).proved
    come = replace(kept, vanilla=kept.ours, ours=replace(kept.ours, properties=kept.vanilla.properties))
    assert "+ property TEXTREL 0x0" in unexplained(come)


def test_bounds_of_the_records_that_become_hidden():
    """R15: objects with records, linked without us, export where these begin; ours has a hidden reference."""
    start = SymbolFact("__start_allocs_sites", "allocs_sites", "global", "notype", "protected")
    hidden = replace(start, visibility="hidden")
    register = new_object("/rt/site.o", REGISTER, undefined(start.name))
    ours = Outcome(symbols=(start,), dynamic=(hidden,), inputs=(register.path,))
    links = TwoLinks(Outcome(symbols=(start,), dynamic=(start,)), ours, LinkPlan((), register=True), (register,))
    assert verify(links).proved, verify(links)
    own = replace(start, name="api", section=".data", kind="object", size=4)
    lost = replace(
        links,
        vanilla=Outcome(symbols=(own,), dynamic=(own,)),
        ours=replace(ours, symbols=(own,), dynamic=(replace(own, visibility="hidden"),)),
    )
    assert unexplained(lost) == ["- export api", "+ export api"]
