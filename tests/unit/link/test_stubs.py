"""The C of stubs: `allocscc.link.stubs`."""

import re

import pytest

from allocscc.config.model import Allocator, Config, Sized, Wrapper, functions_of, table
from allocscc.config.signature import parse_signature
from allocscc.errors import ConfigError
from allocscc.link.plan import CALLER, ENTRY, MARK, REPLACE, WRAP, Decision
from allocscc.link.stubs import Setting, entry_points, instance_symbol, stub_source


def signatures(text):
    return tuple(parse_signature(word) for word in text.split())


_SLAB = Allocator(
    "slab",
    signatures("slab_get(Z)p slab_array(zZ)p slab_grow(PZ)p slab_out(P*aZ)i slab_new(p)p slab_init(P*Z)"),
    signatures("slab_put(P) slab_putn(zP)i"),
    suballocates="malloc",
    free_chain=signatures("slab_list(P) slab_chain(zPz)"),
)
_POOL = Allocator(
    "pool",
    signatures("pool_get(pZ)p pool_any(Z)p pool_node(p)p"),
    usable_size=parse_signature("pool_size(p)z"),
    resize=signatures("pool_grow(PZ)p pool_move(pPZ)p pool_more(Pp)p"),
    free_all=signatures("pool_drop(P) pool_reset() both_drop(P)"),
    free_since=signatures("pool_back(pP) pool_undo(P)"),
)
_CONFIG = Config(
    table([
        _SLAB,
        _POOL,
        Allocator("shared", signatures("shared_get(pZ)p"), free_all=signatures("both_drop(P)")),
        Allocator("arena", signatures("arena_get(zZa)p")),
        Wrapper("x", signatures("xmalloc(Z)p xinit(Z)v xmix(ipludZ)p xnone()p"), signatures("xfree(P)")),
        Wrapper("sized", signatures("smalloc(Z)p"), signatures("odd(Pi) sfree(zP)")),
        Wrapper("leaky", signatures("lmalloc(Z)p")),
    ])
)  # fmt: skip


def decision(signature, action=REPLACE, origin="origin", **fields):
    parsed = parse_signature(signature)
    for name, group in reversed({**_CONFIG.allocators, **_CONFIG.wrappers}.items()):
        if parsed.name in {s.name for _, s in functions_of(group)}:
            stub = ENTRY if name in _CONFIG.allocators else CALLER
            return Decision(parsed.name, action, stub, name, origin, "rule", "reason", parsed, **fields)
    raise AssertionError(signature)


def source(*decisions):
    return stub_source(decisions, _CONFIG)


def macro(text, name):
    """The arguments of the only call of a macro."""
    (found,) = re.findall(rf"^{name}\((.*)\)$", text, re.M)
    return found


@pytest.mark.parametrize(
    ("signature", "name", "arguments"),
    [
        ("slab_get(Z)p", "ENTRY_ALLOC_STUB", "(size_t a0), (a0), (size_t)a0, STUB_NO_REGION, sizeof(void *), (a0)"),
        (
            "arena_get(zZa)p",
            "ENTRY_ALLOC_STUB",
            "(size_t a0, size_t a1, size_t a2), (a0, a1, a2), STUB_PRODUCT((size_t)a0, (size_t)a1), STUB_NO_REGION, a2,"
            " (1, stub_size, a2)",
        ),
        (
            "slab_array(zZ)p",
            "ENTRY_ALLOC_STUB",
            "(size_t a0, size_t a1), (a0, a1), STUB_PRODUCT((size_t)a0, (size_t)a1), STUB_NO_REGION, sizeof(void *),"
            " (a0, a1)",
        ),
        (
            "slab_grow(PZ)p",
            "ENTRY_RESIZE_STUB",
            "(void * a0, size_t a1), (a0, a1), (size_t)a1, STUB_NO_REGION, sizeof(void *), (a0, a1), a0",
        ),
        (
            "slab_out(P*aZ)i",
            "ENTRY_OUT_STUB",
            "(void ** a0, size_t a1, size_t a2), (a0, a1, a2), (size_t)a2, STUB_NO_REGION, a1, (a0, a1, a2), a0",
        ),
        ("slab_new(p)p", "ENTRY_ALLOC_STUB", "(void * a0), (a0), STUB_TYPE_SIZE, STUB_NO_REGION, sizeof(void *), (a0)"),
        (
            "slab_init(P*Z)",
            "ENTRY_OUT_VOID_STUB",
            "(void ** a0, size_t a1), (a0, a1), (size_t)a1, STUB_NO_REGION, sizeof(void *), (a0, a1), a0",
        ),
    ],
)
def test_entry_stub(signature, name, arguments):
    """R8: the macro that fits, with the parameters, the size and the chunk."""
    text = source(decision(signature))
    ret = {"p": "void *", "i": "int", "v": "void"}[parse_signature(signature).ret]
    instance = f"{signature.partition('_')[0]}_allocator"
    assert macro(text, name) == f'"{signature.partition("(")[0]}", {ret}, stub0, real0, {instance}, {arguments}'


@pytest.mark.parametrize(
    ("signature", "name", "arguments"),
    [
        ("slab_put(P)", "ENTRY_FREE_VOID_STUB", "(void * a0), (a0), STUB_REMOVE(slab_allocator, a0), a0"),
        ("slab_putn(zP)i", "ENTRY_FREE_STUB", "(size_t a0, void * a1), (a0, a1), STUB_REMOVE(slab_allocator, a1), a1"),
        ("slab_list(P)", "ENTRY_FREE_VOID_STUB", "(void * a0), (a0), STUB_REMOVE_CHAIN(slab_allocator, a0, 0), 0"),
        (
            "slab_chain(zPz)", "ENTRY_FREE_VOID_STUB",
            "(size_t a0, void * a1, size_t a2), (a0, a1, a2), STUB_REMOVE_CHAIN(slab_allocator, a1, a2), 0",
        ),
        ("pool_drop(P)", "ENTRY_FREE_VOID_STUB", "(void * a0), (a0), STUB_RELEASE(pool_allocator, a0), 0"),
        ("pool_reset()", "ENTRY_FREE_VOID_STUB", "(void), (), STUB_RELEASE_ALL(pool_allocator), 0"),
        (
            "pool_back(pP)", "ENTRY_FREE_VOID_STUB",
            "(void * a0, void * a1), (a0, a1), STUB_RELEASE_SINCE(pool_allocator, a0, a1), 0",
        ),
        (
            "pool_undo(P)", "ENTRY_FREE_VOID_STUB",
            "(void * a0), (a0), STUB_RELEASE_SINCE(pool_allocator, STUB_REGION_OF(pool_allocator, a0), a0), 0",
        ),
    ],
)  # fmt: skip
def test_free_stub(signature, name, arguments):
    """R8, R14: what goes: one chunk, a list, a region, what is younger than a chunk, everything."""
    ret = {"i": "int", "v": "void"}[parse_signature(signature).ret]
    assert macro(source(decision(signature)), name) == (
        f'"{signature.partition("(")[0]}", {ret}, stub0, real0, {signature.partition("_")[0]}_allocator, {arguments}'
    )


@pytest.mark.parametrize(
    ("signature", "size", "region"),
    [
        ("pool_get(pZ)p", "(size_t)a1", "a0"),
        ("pool_any(Z)p", "(size_t)a0", "STUB_WHOLE"),  # pool_reset frees these, too
        ("pool_grow(PZ)p", "(size_t)a1", "STUB_REGION_OF(pool_allocator, a0)"),
        ("pool_move(pPZ)p", "(size_t)a2", "a0"),
        ("pool_node(p)p", "STUB_USABLE_SIZE(usable0, (void *)stub_result, STUB_TYPE_SIZE)", "a0"),
        ("pool_more(Pp)p", "STUB_USABLE_SIZE(usable0, (void *)stub_result, 1)", "a1"),
    ],
)
def test_region_and_size(signature, size, region):
    """R10: a chunk's region is the first pointer that is no chunk; a typed primitive asks for the usable size."""
    text = source(decision(signature))
    assert f", {size}, {region}" in text
    assert ('extern size_t usable0(void *) __asm__("pool_size") __attribute__((weak));' in text) == ("usable0" in size)


def test_two_families_share_a_function():
    """R10: one that frees all of a region frees both families' chunks; the other family may not be linked."""
    text = source(decision("pool_drop(P)"))
    assert "shared_allocator" not in text
    text = stub_source(
        [decision("both_drop(P)")], _CONFIG, setting=Setting(present=frozenset(["pool_get", "shared_get"]))
    )
    assert "STUB_RELEASE(pool_allocator, a0) STUB_RELEASE(shared_allocator, a0)" in text
    assert "INSTANCE_SHARED(pool_allocator, TOP)" in text
    assert "INSTANCE_DECLARED(shared_allocator, TOP)" in text
    assert "pool_allocator" not in source(decision("both_drop(P)"))


def test_entry_points():
    """R7: what has a stub of an allocator's."""
    groups = [[decision("slab_get(Z)p"), decision("xmalloc(Z)p")], [decision("pool_drop(P)")]]
    assert entry_points(groups) == {"slab_get", "pool_drop"}


@pytest.mark.parametrize("signature", ["slab_bad(Z)", "slab_bad(Z)i", "slab_bad(pZ)d"])
def test_an_entry_point_without_a_chunk(signature):
    """R1: no stub can index what nobody tells; the message names the entry's place."""
    bad = Allocator("bad", signatures(signature), origin="x.toml:7")
    wanted = Decision("slab_bad", REPLACE, ENTRY, "bad", "x.toml:7", "", "", bad.alloc[0])
    with pytest.raises(ConfigError, match=r"x\.toml:7: allocator\.bad: slab_bad\(p?Z\)[id]? gives no chunk"):
        stub_source([wanted], Config(table([bad])))


def test_comments():
    """R2, R15: each stub says which entry it is for, and why; a comment cannot be left."""
    text = source(decision("slab_get(Z)p", origin="a */ int evil; /*\n.toml:3"))
    assert "/* stub0: slab_get(Z)p, allocator.slab (a * / int evil; / *?.toml:3); rule: reason */" in text
    assert "/* slab_allocator: the instance of allocator.slab () */" in text


def test_names_of_a_replaced_definition():
    """R8: the stub takes the symbol, the definition is `__real_` of it."""
    text = source(decision("slab_get(Z)p", visibility=2))
    assert 'void * stub0(size_t a0) __asm__("slab_get") __attribute__((visibility("hidden")));' in text
    assert 'void * real0(size_t a0) __asm__("__real_slab_get");' in text


@pytest.mark.parametrize(("number", "name"), [(0, "default"), (1, "internal"), (2, "hidden"), (3, "protected")])
def test_visibility(number, name):
    """R8: same binding and visibility as the definition had."""
    text = source(decision("xmalloc(Z)p", visibility=number, weak=True))
    assert f'__asm__("xmalloc") __attribute__((visibility("{name}"), weak));' in text
    assert ", weak" not in source(decision("xmalloc(Z)p", visibility=number)).split("real0")[0]


def test_instance_with_the_key_symbol():
    """R10: the file with the key symbol's stub holds the family's structure and index, others refer to it."""
    text = source(decision("slab_get(Z)p"), decision("slab_put(P)"))
    assert text.count("INSTANCE_DECLARED(slab_allocator, SUB)") == 1
    assert re.findall(r"^INSTANCE\(.*", text, re.M) == [
        'INSTANCE(slab_allocator, SUB, "slab", slab_allocator_free, 3, 0,'
    ]
    other = source(decision("slab_put(P)"))
    assert "INSTANCE_DECLARED(slab_allocator, SUB)" in other
    assert "INSTANCE(" not in other


def test_instances_of_two_families():
    """R10: no structure covers two allocators."""
    text = source(decision("slab_get(Z)p"), decision("arena_get(zZa)p"))
    assert text.count("\nINSTANCE(") == 2
    assert "arena_allocator, (size_t a0, size_t a1, size_t a2)" in text
    assert 'INSTANCE(arena_allocator, TOP, "arena", 0, 3, 0,' in text


def test_caller_stub_of_a_wrapped_import():
    """R12: the stub is `__wrap_`, the wrapper's identity weak and visible: one in the process."""
    text = source(decision("xmalloc(Z)p", WRAP))
    assert 'stub0(size_t a0) __asm__("__wrap_xmalloc") __attribute__((visibility("hidden")));' in text
    assert 'real0(size_t a0) __asm__("__real_xmalloc");' in text
    assert macro(text, "CALLER_STUB") == '"xmalloc", void *, stub0, real0, wrapper0, (size_t a0), (a0), (size_t)a0, 0'
    assert "frees0[])(void) = {(void (*)(void))other0};" in text
    fields = '.name = "xmalloc", .free_chunk = free0, .frees = frees0, .free_count = 1'
    sharing = 'weak, visibility("default")'
    assert macro(text, "WRAPPER") == f'wrapper0, "__allocs_wrapper_xmalloc", ({sharing}), {fields}'


def test_a_marked_definition():
    """R12, R16: no stub; the identity, and where the code is, with what was split off it."""
    text = source(decision("xmalloc(Z)p", MARK, place=(2, -1), parts=("xmalloc.cold",)))
    assert "stub0" not in text.replace("/* stub0", "")
    assert "CALLER_STUB" not in text
    assert '"__allocs_wrapper_xmalloc", (visibility("hidden")), ' in text
    assert 'code0_0[] __asm__("__allocs_own_xmalloc") __attribute__((weak, visibility("hidden")));' in text
    assert 'code0_1[] __asm__("__allocs_own_xmalloc.cold") __attribute__((weak, visibility("hidden")));' in text
    assert re.findall(r"^WRAPPER_RANGE\((.*)\)$", text, re.M) == [
        '"xmalloc", mark0_0, wrapper0, code0_0', '"xmalloc", mark0_1, wrapper0, code0_1',
    ]  # fmt: skip


def test_a_marked_import():
    """R12, R16: one identity in the process, and the function's address as the loader finds it."""
    text = source(decision("xmalloc(Z)p", MARK))
    assert '"__allocs_wrapper_xmalloc", (weak, visibility("default")), ' in text
    assert 'code0_0[] __asm__("xmalloc") __attribute__((weak));' in text
    assert macro(text, "WRAPPER_RANGE_IMPORTED") == '"xmalloc", mark0_0, wrapper0, code0_0'


def test_caller_stub_of_a_definition():
    """R12: a wrapper defined here has an identity of its own."""
    text = source(decision("xmalloc(Z)p"))
    assert '"__allocs_wrapper_xmalloc", (visibility("hidden")), ' in text
    assert '__asm__("xmalloc") __attribute__((visibility("default")));' in text


@pytest.mark.parametrize(
    ("signature", "name", "arguments"),
    [
        ("xinit(Z)v", "CALLER_VOID_STUB", '"xinit", void, stub0, real0, wrapper0, (size_t a0), (a0), (size_t)a0, 0'),
        ("xnone()p", "CALLER_STUB", '"xnone", void *, stub0, real0, wrapper0, (void), (), STUB_TYPE_SIZE, 0'),
        (
            "xmix(ipludZ)p", "CALLER_STUB",
            '"xmix", void *, stub0, real0, wrapper0, (int a0, void * a1, long a2, unsigned a3, double a4, size_t a5), '
            "(a0, a1, a2, a3, a4, a5), (size_t)a5, 0",
        ),
    ],
)  # fmt: skip
def test_parameters(signature, name, arguments):
    """R17: every letter has its C type."""
    assert macro(source(decision(signature)), name) == arguments


def test_free_function():
    """R14: a chunk is freed by the wrapper's own free, weakly referred to, with the arguments that it needs."""
    text = source(decision("xmalloc(Z)p"))
    assert 'extern void other0(void) __asm__("xfree") __attribute__((weak));' in text
    assert "STUB_FREE(other0, (void *), (p))" in text
    sized = source(decision("smalloc(Z)p"))
    assert 'extern void other0(void) __asm__("sfree") __attribute__((weak));' in sized
    assert "STUB_FREE(other0, (size_t, void *), (size, p))" in sized
    assert len(re.findall("STUB_FREE", sized)) == 1  # what needs more than is known cannot be called


def test_free_functions_of_one_family():
    """R14: the first one that is linked is called, and by its stub, so that the index knows."""
    text = source(decision("slab_get(Z)p"), decision("slab_putn(zP)i"))
    assert re.findall(r"STUB_FREE\(.*\)", text) == [
        "STUB_FREE(other0, (void *), (p))",
        "STUB_FREE(stub1, (size_t, void *), (size, p))",
    ]
    assert '__asm__("slab_putn") __attribute__((weak))' not in text


def test_free_function_that_undoes_one():
    """R14: a chunk of `smalloc` is freed by what says that it undoes that; what undoes another function never is."""
    wrapper = Wrapper("x", signatures("a(Z)p b(Z)p"), signatures("drop(P) bfree(P)->b afree(P)->a"))
    made = Decision("a", REPLACE, CALLER, "x", "", "", "", wrapper.alloc[0])
    text = stub_source([made], Config(table([wrapper])))
    assert re.findall(r'extern void (\w+)\(void\) __asm__\("(\w+)"\)', text) == [
        ("other0", "afree"),
        ("other1", "drop"),
    ]


def test_free_function_that_needs_the_region():
    """R14: `pool_free(pP)` gets the region that the index remembers."""
    pool = Allocator("pool", signatures("get(pZ)p"), signatures("put(pP)"), suballocates="malloc")
    made = Decision("get", REPLACE, ENTRY, "pool", "", "", "", pool.alloc[0])
    text = stub_source([made], Config(table([pool])))
    assert "STUB_FREE(other0, (void *, void *), (STUB_REGION_OF(pool_allocator, p), p))" in text
    assert "pool_allocator_free, 3, 1," in text


def test_sized():
    """R13: an ALLOCSZ function is marked: what its inner calls say of the type does not count."""
    config = Config(table([Sized("grid", parse_signature("grid(iI)p")), *_CONFIG.wrappers.values()]))
    made = Decision("grid", REPLACE, CALLER, "grid", "", "", "", parse_signature("grid(iI)p"))
    assert ".sized = 1" in stub_source([made], config)
    assert ".sized" not in source(decision("xmalloc(Z)p"))


def test_functions_of_an_instance():
    """R7, R10: an instance names its entry points and its meta functions."""
    text = stub_source([decision("pool_get(pZ)p")], _CONFIG, setting=Setting(present=frozenset(["pool_drop"])))
    assert '{"pool_get", "alloc", (void (*)(void))stub0}' in text
    assert '{"pool_any", "alloc", 0}' in text  # not in this link
    assert re.search(r'{"pool_drop", "free-all", \(void \(\*\)\(void\)\)other\d}', text)
    assert re.search(r'{"pool_size", "usable-size", \(void \(\*\)\(void\)\)other\d}', text)
    assert re.findall(r'\{"(\w+)", "(usable-size|free-all|free-since)"', text) == [
        ("pool_back", "free-since"), ("pool_undo", "free-since"), ("pool_drop", "free-all"), ("pool_reset", "free-all"),
        ("both_drop", "free-all"), ("pool_size", "usable-size"),
    ]  # fmt: skip


def test_free_function_that_cannot_be_called():
    """R14: what needs more than is known of a chunk is only known as a function that may free it."""
    wrapper = Wrapper("x", signatures("a(Z)p"), signatures("drop(iP)"))
    made = Decision("a", REPLACE, CALLER, "x", "", "", "", wrapper.alloc[0])
    text = stub_source([made], Config(table([wrapper])))
    assert ".free_chunk = 0, .frees = frees0, .free_count = 1)" in text


def test_no_free_function():
    """R14: without a free there is none to call."""
    text = source(decision("lmalloc(Z)p"))
    assert ".free_chunk = 0)" in text
    assert "_real(void" not in text.replace("real0(", "")


def test_numbers_differ():
    """R12: several stubs in one file do not share names."""
    text = source(decision("xmalloc(Z)p"), decision("smalloc(Z)p"), decision("slab_get(Z)p"))
    for name in ("stub0", "stub1", "stub2", "real0", "wrapper0", "wrapper1", "free0", "free1"):
        assert re.search(rf"\b{name}\b", text)
    assert "WRAPPER(wrapper2" not in text


def test_one_header():
    """R2: all code is in the macros of the one header."""
    assert re.findall(r"#include .*", source(decision("xmalloc(Z)p"), decision("slab_get(Z)p"))) == [
        '#include "stubgen.h"'
    ]


def test_quoted_names():
    """R12: a family's name may be any text."""
    name = 'my "own" \\ pool'
    config = Config(table([Allocator(name, signatures("slab_get(Z)p"))]))
    text = stub_source(
        [Decision("slab_get", REPLACE, ENTRY, name, "", "", "", config.allocators[name].alloc[0])], config
    )
    assert 'TOP, "my \\"own\\" \\\\ pool"' in text


@pytest.mark.parametrize("name", ["slab", "g-slice", "operator new", "a::b", "9p", "²", ""])
def test_instance_symbol_is_a_c_name(name):
    """R10: whatever the family's name is."""
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", instance_symbol(name))


def test_instance_symbols_differ():
    """R10: each instance has its own structure, also where names differ in signs only."""
    assert len({instance_symbol(name) for name in ("g_slice", "g-slice", "g.slice")}) == 3


@pytest.mark.parametrize("name", ["a\nb", "a\0b", "a\x1bb", 'a"b', "a\\b", "a\u2028b", "a\udcffb"])
def test_names_in_strings(name):
    """R6: whatever an entry is called, its name is a string of C on one line."""
    family = Allocator(name, signatures("get(Z)p"), ())
    text = stub_source([Decision("get", REPLACE, ENTRY, name, "x", "r", "r", family.alloc[0])], Config(table([family])))
    literal = re.search(r'TOP, "((?:[^"\\]|\\.)*)", 0, 3', text)
    assert literal
    assert literal[1].isprintable() or "\udcff" in name
