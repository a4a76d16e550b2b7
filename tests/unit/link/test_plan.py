"""The decisions of a link: `allocscc.link.plan`, row by row (docs/architecture.md)."""

import pytest

from allocscc.config.model import Allocator, Config, Wrapper, table
from allocscc.config.signature import parse_signature
from allocscc.link.job import EXECUTABLE, RELOCATABLE, SHARED
from allocscc.link.plan import CALLER, ENTRY, LEAVE, MARK, REDIRECT, REPLACE, WRAP, Fact, LinkFacts, make_plan
from allocscc.values import replace

_HERE = (2, -1)
_MEMBER = (3, 7)
_DEFAULT, _INTERNAL, _HIDDEN, _PROTECTED = 0, 1, 2, 3


def signatures(text):
    return tuple(parse_signature(word) for word in text.split())


_CONFIG = Config(
    table([
        Allocator(
            "malloc", signatures("malloc(Z)p calloc(zZ)p reallocarray(PzZ)p"), signatures("free(P)"),
            interpose="preload", origin="builtin.toml:4",
        ),
        Allocator("slab", signatures("slab_get(Z)p"), signatures("slab_put(P)"), origin="project.toml:1"),
        Wrapper("x", signatures("xmalloc(Z)p xasprintf(P*p.)i"), signatures("xfree(P)"), origin="project.toml:9"),
    ])
)  # fmt: skip


def plan(mode, *functions, **facts):
    return make_plan(LinkFacts(mode, tuple(functions), **facts), _CONFIG)


def only(mode, function, **facts):
    (decision,) = plan(mode, function, **facts).decisions
    return decision


def slab(**fields):
    """A whole family is defined, or else nothing is."""
    return Fact("slab_get", **fields)


@pytest.mark.parametrize(
    ("mode", "fact", "action", "stub", "rule"),
    [
        # a wrapper
        (EXECUTABLE, Fact("xmalloc", references=(4,)), WRAP, CALLER, "wrapper-imported"),
        (SHARED, Fact("xmalloc", references=(4,)), WRAP, CALLER, "wrapper-imported"),
        (EXECUTABLE, Fact("xmalloc", _HERE), REPLACE, CALLER, "wrapper-defined"),
        (EXECUTABLE, Fact("xmalloc", _MEMBER), REPLACE, CALLER, "wrapper-defined"),
        (SHARED, Fact("xmalloc", _HERE), REPLACE, CALLER, "wrapper-defined"),
        (SHARED, Fact("xmalloc", _HERE, visibility=_HIDDEN), REPLACE, CALLER, "wrapper-defined"),
        (EXECUTABLE, Fact("xmalloc", references=(4,), identified=True), LEAVE, "", "identified-elsewhere"),
        (EXECUTABLE, Fact("xmalloc"), LEAVE, "", "unused"),
        (EXECUTABLE, Fact("xasprintf", references=(4,)), MARK, CALLER, "wrapper-unwound"),
        (EXECUTABLE, Fact("xasprintf", _HERE, unwindable=True), MARK, CALLER, "wrapper-unwound"),
        (EXECUTABLE, Fact("xasprintf", _HERE), LEAVE, "", "variadic"),
        # an entry point that a preload may take
        (EXECUTABLE, Fact("malloc", references=(4,)), LEAVE, "", "entry-elsewhere"),
        (EXECUTABLE, Fact("malloc", _HERE), REPLACE, ENTRY, "entry-defined"),
        (EXECUTABLE, Fact("malloc", _HERE, visibility=_HIDDEN), REPLACE, ENTRY, "entry-defined"),
        (SHARED, Fact("malloc", _HERE), REDIRECT, ENTRY, "preload-interposable"),
        (SHARED, Fact("malloc", _HERE, weak=True), REDIRECT, ENTRY, "preload-interposable"),
        (SHARED, Fact("malloc", _HERE, visibility=_PROTECTED), REDIRECT, ENTRY, "preload-interposable"),
        (SHARED, Fact("malloc", _HERE, visibility=_HIDDEN), REPLACE, ENTRY, "entry-defined"),
        (SHARED, Fact("malloc", _HERE, visibility=_INTERNAL), REPLACE, ENTRY, "entry-defined"),
        (SHARED, Fact("malloc", references=(4,)), LEAVE, "", "entry-elsewhere"),
        (SHARED, Fact("malloc", versioned=True), LEAVE, "", "versioned"),
        (SHARED, Fact("xmalloc", versioned=True), LEAVE, "", "versioned"),
        (SHARED, Fact("xmalloc", versioned=True, references=(4,)), WRAP, CALLER, "wrapper-imported"),
        # an entry point of another family
        (EXECUTABLE, slab(place=_HERE), REPLACE, ENTRY, "entry-defined"),
        (EXECUTABLE, slab(place=_MEMBER), REPLACE, ENTRY, "entry-defined"),
        (SHARED, slab(place=_HERE), REPLACE, ENTRY, "entry-defined"),
        (SHARED, slab(place=_HERE, visibility=_HIDDEN), REPLACE, ENTRY, "entry-defined"),
        (EXECUTABLE, slab(), LEAVE, "", "entry-elsewhere"),
        (EXECUTABLE, slab(references=(4,), identified=True), LEAVE, "", "entry-elsewhere"),
    ],
)
def test_rule(mode, fact, action, stub, rule):
    """R8: the table of DESIGN §4, one row a case."""
    decision = only(mode, fact)
    assert (decision.action, decision.stub, decision.rule) == (action, stub, rule)
    assert decision.reason


@pytest.mark.parametrize(
    "fact", [Fact("xmalloc", references=(4,)), Fact("xmalloc", _HERE), Fact("malloc", _HERE), slab(place=_HERE)]
)
def test_user_wraps(fact):
    """R3: the user's own --wrap is the user's."""
    decision = only(EXECUTABLE, fact, user_wrapped=frozenset({fact.symbol}))
    assert (decision.action, decision.rule) == (LEAVE, "user-wraps")
    assert only(EXECUTABLE, fact, user_wrapped=frozenset({"another"})).rule != "user-wraps"
    decision = only(EXECUTABLE, fact, user_defined=frozenset({fact.symbol}))
    assert (decision.action, decision.rule) == (LEAVE, "user-defines")


@pytest.mark.parametrize(
    ("fact", "entry", "origin"),
    [
        (Fact("xmalloc", references=(4,)), "x", "project.toml:9"),
        (Fact("malloc"), "malloc", "builtin.toml:4"),
        (slab(place=_HERE), "slab", "project.toml:1"),
    ],
)
def test_every_decision_names_its_cause(fact, entry, origin):
    """R15: the config entry, its origin, the rule, and the same in words."""
    decision = only(EXECUTABLE, fact)
    assert (decision.entry, decision.origin) == (entry, origin)
    assert decision.rule.replace("-", "").isalpha()


@pytest.mark.parametrize(
    ("fact", "action", "rule"),
    [
        (Fact("xmalloc", references=(4,)), MARK, "wrapper-unwound"),
        (Fact("xmalloc", _HERE, unwindable=True), MARK, "wrapper-unwound"),
        (Fact("xmalloc", _MEMBER, unwindable=True), MARK, "wrapper-unwound"),
        (Fact("xmalloc", _HERE), REPLACE, "wrapper-defined"),
        (Fact("xmalloc"), LEAVE, "unused"),
        (Fact("xmalloc", references=(4,), identified=True), LEAVE, "identified-elsewhere"),
        (Fact("xmalloc", _HERE, unwindable=True, intermediate=True), LEAVE, "lto"),
        (Fact("xmalloc", versioned=True), LEAVE, "versioned"),
        (Fact("malloc", _HERE, unwindable=True), REPLACE, "entry-defined"),
        (Fact("malloc", references=(4,)), LEAVE, "entry-elsewhere"),
    ],
)
@pytest.mark.parametrize("observe", ["unwind", "stubs"])
def test_unwind_mode(fact, action, rule, observe):
    """R16: where a wrapper had a stub, its code is marked; nothing else is decided otherwise."""
    plans = [
        make_plan(LinkFacts(EXECUTABLE, (fact,)), replace(_CONFIG, observe=how)).decisions[0] for how in ("", observe)
    ]
    if observe == "stubs":
        assert plans[1] == plans[0]
    else:
        assert (plans[1].action, plans[1].rule) == (action, rule)
        assert plans[0].action in (action, REPLACE, WRAP)
        assert (plans[1].stub, plans[1].place) == (plans[0].stub, plans[0].place)


def test_parts_are_marked_along():
    """R16: what the compiler split off a wrapper is its code, too; a stub need not know."""
    fact = Fact("xmalloc", _HERE, unwindable=True, parts=("xmalloc.cold",))
    unwound = make_plan(LinkFacts(EXECUTABLE, (fact,)), replace(_CONFIG, observe="unwind"))
    assert unwound.decisions[0].parts == ("xmalloc.cold",)
    assert only(EXECUTABLE, fact).parts == ()


def test_facts_arrive_in_the_decision():
    """R8: the stub takes the definition's place, visibility and binding."""
    decision = only(SHARED, slab(place=_MEMBER, weak=True, visibility=_HIDDEN, references=(4, 9)))
    assert (decision.place, decision.weak, decision.visibility, decision.references) == (_MEMBER, True, 2, (4, 9))
    assert str(decision.signature) == "slab_get(Z)p"


def test_left_functions_have_nothing_to_do():
    """R15: no signature, no place: nobody can act on such a decision by mistake."""
    decision = only(SHARED, Fact("malloc"))
    assert (decision.signature, decision.place, decision.references) == (None, None, ())


def test_free_functions():
    """R10: a family's free gets an entry stub with the family; a wrapper's free needs nothing."""
    decisions = plan(EXECUTABLE, slab(place=_HERE), Fact("slab_put", _HERE), Fact("xfree", _HERE)).decisions
    assert [(d.symbol, d.action, d.stub, d.entry) for d in decisions] == [
        ("slab_get", REPLACE, ENTRY, "slab"), ("slab_put", REPLACE, ENTRY, "slab"),
    ]  # fmt: skip


@pytest.mark.parametrize("symbols", [["slab_put"], ["reallocarray"], ["free"], ["calloc", "free"]])
@pytest.mark.parametrize("mode", [EXECUTABLE, SHARED])
def test_no_instance_without_the_key_symbol(symbols, mode):
    """R7: the key symbol triggers generation; a stray `reallocarray` for old systems makes no allocator.

    Its stub would refer to a `struct allocator` that no object of this link defines.
    """
    facts = [Fact(symbol, _HERE, visibility=_HIDDEN) for symbol in symbols]
    assert [d.stub for d in plan(mode, *facts).decisions if d.stub == ENTRY] == []


def test_other_names_are_none_of_our_business():
    """R1: no code knows the name of an allocator that the config does not."""
    assert plan(EXECUTABLE, Fact("je_malloc", _HERE)).decisions == ()


def test_order_of_decisions():
    """R15: as the facts are, one for each."""
    names = ["xmalloc", "malloc", "slab_get", "free"]
    assert [d.symbol for d in plan(EXECUTABLE, *(Fact(n, _HERE) for n in names)).decisions] == names


def test_relocatable():
    """R6: a partial link gets nothing (HAZARDS 13)."""
    found = plan(RELOCATABLE, Fact("xmalloc", _HERE), has_sites=True, interposable=frozenset({"malloc"}))
    assert (found.decisions, found.runtime, found.interpose, found.register) == ((), False, (), False)
    assert found.notes[0].startswith("relocatable: ")


@pytest.mark.parametrize("mode", [EXECUTABLE, SHARED])
def test_obstacle(mode):
    """R15: what cannot be observed is left alone, and the plan says why."""
    found = plan(mode, Fact("xmalloc", _HERE), has_sites=True, obstacle="linked without libc")
    assert (found.decisions, found.runtime, found.interpose, found.register) == ((), False, (), False)
    assert found.notes == ("not observed: linked without libc",)


@pytest.mark.parametrize(("mode", "runtime"), [(EXECUTABLE, True), (SHARED, False)])
def test_runtime(mode, runtime):
    """R18: the runtime is in the executable, once."""
    assert plan(mode).runtime is runtime


@pytest.mark.parametrize("has_sites", [True, False])
@pytest.mark.parametrize("mode", [EXECUTABLE, SHARED])
def test_register(mode, has_sites):
    """R13: whoever has site records tells the runtime of them."""
    assert plan(mode, has_sites=has_sites).register is has_sites


@pytest.mark.parametrize(
    ("mode", "facts", "interposable", "expected"),
    [
        (EXECUTABLE, [], {"malloc"}, ("malloc",)),
        (EXECUTABLE, [Fact("malloc", references=(4,))], {"malloc"}, ("malloc",)),
        (EXECUTABLE, [Fact("xmalloc", _HERE)], {"malloc"}, ("malloc",)),
        (EXECUTABLE, [slab(place=_HERE)], {"malloc"}, ("malloc",)),
        (EXECUTABLE, [Fact("malloc", _HERE)], {"malloc"}, ()),
        (EXECUTABLE, [], set(), ()),
        (EXECUTABLE, [], {"unknown"}, ()),
        (SHARED, [], {"malloc"}, ()),
        (SHARED, [Fact("malloc", _HERE)], {"malloc"}, ()),
    ],
)
def test_interpose(mode, facts, interposable, expected):
    """R11: libc's malloc is interposed from the executable, unless the link has a malloc of its own."""
    found = plan(mode, *facts, interposable=frozenset(interposable))
    assert found.interpose == expected
    assert [n for n in found.notes if "runtime-interposes" in n] == [
        f"runtime-interposes: family {name} is not defined in this link" for name in expected
    ]


def test_interpose_beside_a_stray_optional_symbol():
    """R7, R11: a replacement of `reallocarray` alone does not make the program's malloc another one."""
    found = plan(EXECUTABLE, Fact("reallocarray", _HERE), interposable=frozenset({"malloc"}))
    assert found.interpose == ("malloc",)


def test_unreadable_inputs_are_noted():
    """R15: nothing is left unexplained."""
    assert plan(SHARED, unreadable=("a.o: not an ELF file",)).notes == ("not looked into: a.o: not an ELF file",)


def test_pure():
    """R15: the same facts, the same plan."""
    facts = (Fact("malloc", _HERE), Fact("xmalloc", references=(1,)))
    assert plan(EXECUTABLE, *facts) == plan(EXECUTABLE, *facts)


def test_backends():
    """R17: what the backend says: imported entry points get stubs, families none, the runtime stays away."""
    imported = Fact("slab_get", None, references=(1,))
    assert only(EXECUTABLE, imported).rule == "entry-elsewhere"
    made = only(EXECUTABLE, imported, wrapped=frozenset(["slab"]))
    assert (made.action, made.stub, made.rule) == (WRAP, ENTRY, "entry-wrapped")
    made = only(EXECUTABLE, Fact("malloc", _HERE), refused={"malloc": "it cannot"})
    assert (made.action, made.rule, made.reason) == (LEAVE, "backend", "it cannot")
    own = plan(EXECUTABLE, imported, embeds=False, has_sites=True)
    assert (own.runtime, own.register) == (False, False)
    assert plan(EXECUTABLE, imported, has_sites=True).register
    put = plan(EXECUTABLE, Fact("slab_put", _HERE), wrapped=frozenset(["slab"])).decisions[0]
    assert put.action == REPLACE  # whoever hands the chunks out
