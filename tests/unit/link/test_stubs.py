"""The C of stubs: `allocscc.link.stubs`."""

import re

import pytest

from allocscc.config.model import Allocator, Config, Wrapper, table
from allocscc.config.signature import parse_signature
from allocscc.link.plan import CALLER, ENTRY, REPLACE, WRAP, Decision
from allocscc.link.stubs import instance_symbol, stub_source


def signatures(text):
    return tuple(parse_signature(word) for word in text.split())


_SLAB = Allocator(
    "slab",
    signatures("slab_get(Z)p slab_array(zZ)p slab_grow(PZ)p slab_out(P*aZ)i slab_new(p)p"),
    signatures("slab_put(P) slab_putn(zP)i"),
    suballocates="malloc",
)
_CONFIG = Config(
    table([
        _SLAB,
        Allocator("arena", signatures("arena_get(Z)p")),
        Wrapper("x", signatures("xmalloc(Z)p xinit(Z)v xmix(ipludZ)p xnone()p"), signatures("xfree(P)")),
        Wrapper("sized", signatures("smalloc(Z)p"), signatures("odd(Pi) sfree(zP)")),
        Wrapper("leaky", signatures("lmalloc(Z)p")),
    ])
)  # fmt: skip


def decision(signature, action=REPLACE, **fields):
    parsed = parse_signature(signature)
    for name, group in {**_CONFIG.allocators, **_CONFIG.wrappers}.items():
        if parsed.name in {s.name for s in (*group.alloc, *group.free)}:
            stub = ENTRY if name in _CONFIG.allocators else CALLER
            return Decision(parsed.name, action, stub, name, "origin", "rule", "reason", parsed, **fields)
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
        ("slab_get(Z)p", "ENTRY_ALLOC_STUB", "(size_t a0), (a0), (size_t)a0"),
        ("slab_array(zZ)p", "ENTRY_ALLOC_STUB", "(size_t a0, size_t a1), (a0, a1), (size_t)a0 * (size_t)a1"),
        ("slab_grow(PZ)p", "ENTRY_RESIZE_STUB", "(void * a0, size_t a1), (a0, a1), (size_t)a1, a0"),
        ("slab_out(P*aZ)i", "ENTRY_OUT_STUB", "(void ** a0, size_t a1, size_t a2), (a0, a1, a2), (size_t)a2, a0"),
        ("slab_new(p)p", "ENTRY_ALLOC_STUB", "(void * a0), (a0), 1"),
        ("slab_put(P)", "ENTRY_FREE_VOID_STUB", "(void * a0), (a0), a0"),
        ("slab_putn(zP)i", "ENTRY_FREE_STUB", "(size_t a0, void * a1), (a0, a1), a1"),
    ],
)
def test_entry_stub(signature, name, arguments):
    """R8: the macro that fits, with the parameters, the size and the chunk."""
    text = source(decision(signature))
    ret = {"p": "void *", "i": "int", "v": "void"}[parse_signature(signature).ret]
    assert macro(text, name) == f'"{signature.partition("(")[0]}", {ret}, stub0, real0, slab_allocator, {arguments}'


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
    assert text.count("struct allocator slab_allocator") == 1
    assert 'struct allocator slab_allocator __attribute__((visibility("hidden"))) = {.name = "slab"' in text
    assert ".index = &slab_allocator_index" in text
    assert "static struct alloc_index slab_allocator_index = " in text
    assert ".suballocates = 1" in text
    other = source(decision("slab_put(P)"))
    assert 'extern struct allocator slab_allocator __attribute__((visibility("hidden")));' in other
    assert "alloc_index" not in other


def test_instances_of_two_families():
    """R10: no structure covers two allocators."""
    text = source(decision("slab_get(Z)p"), decision("arena_get(Z)p"))
    assert text.count("static struct alloc_index ") == 2
    assert "arena_allocator, (size_t a0)" in text
    assert '.name = "arena"' in text
    assert ".suballocates = 0, .free_chunk = 0" in text


def test_caller_stub_of_a_wrapped_import():
    """R12: the stub is `__wrap_`, the wrapper's identity weak and visible: one in the process."""
    text = source(decision("xmalloc(Z)p", WRAP))
    assert 'stub0(size_t a0) __asm__("__wrap_xmalloc") __attribute__((visibility("hidden")));' in text
    assert 'real0(size_t a0) __asm__("__real_xmalloc");' in text
    assert '__asm__("__allocs_wrapper_xmalloc") __attribute__((weak, visibility("default")));' in text
    assert macro(text, "CALLER_STUB") == '"xmalloc", void *, stub0, real0, wrapper0, (size_t a0), (a0)'
    assert 'struct alloc_wrapper wrapper0 = {.name = "xmalloc", .free_chunk = free0};' in text


def test_caller_stub_of_a_definition():
    """R12: a wrapper defined here has an identity of its own."""
    text = source(decision("xmalloc(Z)p"))
    assert '__asm__("__allocs_wrapper_xmalloc") __attribute__((visibility("hidden")));' in text
    assert '__asm__("xmalloc") __attribute__((visibility("default")));' in text


@pytest.mark.parametrize(
    ("signature", "name", "arguments"),
    [
        ("xinit(Z)v", "CALLER_VOID_STUB", '"xinit", void, stub0, real0, wrapper0, (size_t a0), (a0)'),
        ("xnone()p", "CALLER_STUB", '"xnone", void *, stub0, real0, wrapper0, (void), ()'),
        (
            "xmix(ipludZ)p", "CALLER_STUB",
            '"xmix", void *, stub0, real0, wrapper0, (int a0, void * a1, long a2, unsigned a3, double a4, size_t a5), '
            "(a0, a1, a2, a3, a4, a5)",
        ),
    ],
)  # fmt: skip
def test_parameters(signature, name, arguments):
    """R17: every letter has its C type."""
    assert macro(source(decision(signature)), name) == arguments


def test_free_function():
    """R14: a chunk is freed by the wrapper's own free, weakly referred to, with the arguments that it needs."""
    text = source(decision("xmalloc(Z)p"))
    assert 'extern void free0_real(void *) __asm__("xfree") __attribute__((weak));' in text
    assert "free0_real(p);" in text
    sized = source(decision("smalloc(Z)p"))
    assert 'extern void free0_real(size_t, void *) __asm__("sfree") __attribute__((weak));' in sized
    assert "free0_real(size, p);" in sized
    assert "odd" not in sized


def test_no_free_function():
    """R14: without a free there is none to call."""
    text = source(decision("lmalloc(Z)p"))
    assert ".free_chunk = 0};" in text
    assert "_real(void" not in text.replace("real0(", "")


def test_numbers_differ():
    """R12: several stubs in one file do not share names."""
    text = source(decision("xmalloc(Z)p"), decision("smalloc(Z)p"), decision("slab_get(Z)p"))
    for name in ("stub0", "stub1", "stub2", "real0", "wrapper0", "wrapper1", "free0", "free1"):
        assert re.search(rf"\b{name}\b", text)
    assert "wrapper2" not in text


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
    assert '.name = "my \\"own\\" \\\\ pool"' in text


@pytest.mark.parametrize("name", ["slab", "g-slice", "operator new", "a::b", "9p", "²", ""])
def test_instance_symbol_is_a_c_name(name):
    """R10: whatever the family's name is."""
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", instance_symbol(name))


def test_instance_symbols_differ():
    """R10: each instance has its own structure, also where names differ in signs only."""
    assert len({instance_symbol(name) for name in ("g_slice", "g-slice", "g.slice")}) == 3
