"""What attributes in a source say of a function: `allocscc.config.attributes`."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.config.attributes import Attribute, Prototype, declare, parse_attributes
from allocscc.config.declared import declared_layer
from allocscc.config.signature import Signature, parse_signature
from allocscc.places import data_folder
from allocscc.sidecar import Declaration

_LETTERS = st.lists(st.sampled_from("zpilud"), max_size=5).map(tuple)
_ATTRIBUTE_TEXT = st.lists(
    st.sampled_from([
        "__attribute__((", "))", "[[", "]]", "malloc", "gnu::", "alloc_size", "alloc_align", "(1)", "(1,2)", "(9)", "(",
        ")", ",", '"', "allocs:", "wrapper.alloc ", "(Z)p", "->x", "annotate(", "allocs::wrapper_free", "\xb2", "free",
        " ", "\\", "using gnu: ", "slab<malloc",
    ]),
    max_size=12,
).map("".join)  # fmt: skip


def prototype(text, void=True):
    """`f(zp)p` as the prototype of a function; `void` if its result is `void *`."""
    signature = parse_signature(text)
    return Prototype(signature.name, signature.args, signature.ret, void and signature.ret == "p", "x.h:3")


def declared(text, attributes, frees=(), void=True):
    known = {signature.name: signature for signature in map(parse_signature, frees)}
    return declare(prototype(text, void), parse_attributes(attributes), known)


def only(text, attributes, frees=(), void=True):
    """The signature of a wrapper's allocating function, and the functions that free."""
    (found,) = declared(text, attributes, frees, void)
    assert (found.kind, found.list, found.entry, found.origin) == ("wrapper", "alloc", prototype(text).name, "x.h:3")
    return found.signature, list(found.free)


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("void *f(size_t) __attribute__((malloc));", [("malloc",)]),
        ("void *f(size_t) __attribute__((__malloc__));", [("malloc",)]),
        ("void *f(size_t) __attribute__ (( __malloc__ ));", [("malloc",)]),
        ("void *f(size_t) __attribute((malloc));", [("malloc",)]),
        ("[[gnu::malloc]] void *f(size_t);", [("malloc",)]),
        ("[[ gnu :: malloc ]] void *f(size_t);", [("malloc",)]),
        ("[[gnu::__malloc__]] void *f(size_t);", [("malloc",)]),
        ("[[__gnu__::__malloc__]] void *f(size_t);", [("malloc",)]),
        ("[[using gnu: malloc, alloc_size(1)]] void *f(size_t);", [("malloc",), ("alloc_size", "1")]),
        ("__attribute__((malloc(free)))", [("malloc", "free")]),
        ("__attribute__ ((malloc, malloc (fclose, 1)))", [("malloc",), ("malloc", "fclose", "1")]),
        ("__attribute__((malloc (freopen, 3)))", [("malloc", "freopen", "3")]),
        ("__attribute__((alloc_size(1)))", [("alloc_size", "1")]),
        ("__attribute__((__alloc_size__ ( 1 , 2 )))", [("alloc_size", "1", "2")]),
        ("__attribute__((alloc_align (1)))", [("alloc_align", "1")]),
        ("__attribute__((noinline, alloc_size(2), cold))", [("noinline",), ("alloc_size", "2"), ("cold",)]),
        ("__attribute__((format(printf, 1, 2), malloc)) __attribute__((cold))",
         [("format", "printf", "1", "2"), ("malloc",), ("cold",)]),
        ('__attribute__((section("a),b"), malloc))', [("section", '"a),b"'), ("malloc",)]),
        ('__attribute__((annotate("a\\")")))', [("annotate", '"a\\")"')]),
        ("__attribute__(())", []),
        ("__attribute__((, malloc))", [("malloc",)]),
        ("[[]] [[nodiscard(\"a]]b\")]]", [("nodiscard", '"a]]b"')]),
        ("void *f(size_t);", []),
        ("malloc(3); x[[0]];", []),
        ("__attribute__((malloc", [("malloc",)]),
    ],
)  # fmt: skip
def test_attributes(text, attributes):
    """R5: both syntaxes, every spelling, several in one list, strings with brackets in them."""
    assert parse_attributes(text) == [Attribute(name, args) for name, *rest in attributes for args in [tuple(rest)]]


@pytest.mark.parametrize(
    ("text", "attributes", "signature"),
    [
        # gcc manual, "Common Function Attributes"
        ("f(z)p", "__attribute__((malloc))", "f(Z)p"),
        ("f(zz)p", "__attribute__((malloc))", "f(ZZ)p"),
        ("f(pz)p", "__attribute__((malloc))", "f(pZ)p"),
        ("f(i)p", "__attribute__((malloc))", "f(I)p"),
        ("f(u)p", "__attribute__((malloc))", "f(U)p"),
        ("f(ip)p", "__attribute__((malloc))", "f(Ip)p"),
        ("f(ii)p", "__attribute__((malloc))", "f(ii)p"),
        ("f(zzz)p", "__attribute__((malloc))", "f(zzz)p"),
        ("f(iz)p", "__attribute__((malloc))", "f(iZ)p"),
        ("f()p", "__attribute__((malloc))", "f()p"),
        ("f(p.)p", "__attribute__((malloc))", "f(p.)p"),
        ("my_malloc(z)p", "__attribute__((alloc_size(1)))", "my_malloc(Z)p"),
        ("my_calloc(zz)p", "__attribute__((alloc_size(1, 2)))", "my_calloc(ZZ)p"),
        ("my_realloc(pz)p", "__attribute__((alloc_size(2)))", "my_realloc(pZ)p"),
        ("f(li)p", "__attribute__((alloc_size(1, 2)))", "f(LI)p"),
        ("my_memalign(zz)p", "__attribute__((alloc_align(1)))", "my_memalign(aZ)p"),
        ("f(zz)p", "__attribute__((malloc, alloc_align(1)))", "f(aZ)p"),
        ("f(zz)p", "__attribute__((malloc, alloc_align(2), alloc_size(1)))", "f(Za)p"),
        ("f(iz)p", "__attribute__((alloc_align(1), alloc_size(2)))", "f(iZ)p"),
        ("f(pz)p", "[[gnu::malloc, gnu::alloc_size(2)]]", "f(pZ)p"),
        # numbers that fit no parameter, or no size
        ("f(z)p", "__attribute__((alloc_size(2)))", "f(z)p"),
        ("f(z)p", "__attribute__((alloc_size(0)))", "f(z)p"),
        ("f(pz)p", "__attribute__((alloc_size(1)))", "f(pz)p"),
        ("f(z)p", "__attribute__((alloc_size(N)))", "f(z)p"),
        ("f(z)p", "__attribute__((alloc_size(99999999999999999999)))", "f(z)p"),
        ("f(z)p", "__attribute__((alloc_size(\xb2)))", "f(z)p"),
    ],
)
def test_what_gcc_s_attributes_declare(text, attributes, signature):
    """R5: each of gcc's allocation attributes makes the function known; arguments are numbered from one."""
    assert only(text, attributes) == (signature, [])


def test_typed_result_is_a_typed_primitive():
    """R5: `struct node *new_node(size_t)` allocates what it returns, unless the size is said."""
    assert only("new_node(z)p", "__attribute__((malloc))", void=False) == ("new_node(z)p", [])
    assert only("new_node(z)p", "__attribute__((malloc, alloc_size(1)))", void=False) == ("new_node(Z)p", [])


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("f(z)p", ""),
        ("f(z)p", "__attribute__((cold))"),
        ("f(z)i", "__attribute__((malloc))"),
        ("f(z)v", "__attribute__((alloc_size(1)))"),
        ("align(pz)p", "__attribute__((alloc_align(2)))"),
        ("f(z)p", '__attribute__((annotate("something else")))'),
        ("f(z)p", "[[allocs::nonsense]]"),
        ("f(z)p", "[[allocs::wrapper_meta]]"),
        ("f(z)p", '__attribute__((annotate("allocs:")))'),
        ("f(z)p", '__attribute__((annotate("allocs:override.alloc")))'),
    ],
)
def test_nothing_declared(text, attributes):
    """R5: other attributes, results that are no pointer, and words of a newer version say nothing."""
    assert declared(text, attributes) == []


@pytest.mark.parametrize(
    ("attributes", "frees", "expected"),
    [
        ("__attribute__((malloc(xfree)))", ["xfree(p)"], ["xfree(P)"]),
        ("__attribute__((malloc(xfree, 1)))", ["xfree(p)"], ["xfree(P)"]),
        ("__attribute__((malloc(pool_free, 2)))", ["pool_free(pp)i"], ["pool_free(pP)i"]),
        ("__attribute__((malloc(a), malloc(b, 2)))", ["a(p)", "b(zp)"], ["a(P)", "b(zP)"]),
        ("__attribute__((__malloc__(xfree)))", [], ["xfree(P)"]),
        ("__attribute__((malloc(xfree, 2)))", [], []),
        ("__attribute__((malloc(xfree, 2)))", ["xfree(p)"], []),
        ("__attribute__((malloc(xfree, 1)))", ["xfree(z)"], []),
        ("__attribute__((malloc(xfree, 0)))", ["xfree(p)"], []),
        ("__attribute__((malloc(xfree, \xb2)))", ["xfree(p)"], []),
        ("__attribute__((malloc(ns::drop)))", [], []),
        ("__attribute__((malloc(xfree, n)))", ["xfree(p)"], []),
    ],
)
def test_deallocators(attributes, frees, expected):
    """R14: `malloc(dealloc, n)` names the function that frees, and where it takes the chunk."""
    assert only("f(z)p", attributes, frees)[1] == [str(parse_signature(text)) for text in expected]


def annotated(text, words):
    """As the macros of stubgen/allocs.h write it: strings side by side."""
    return declared(text, f'__attribute__((annotate("allocs:" {words})))')


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("x(z)p", '"wrapper.alloc " "(Z)p"', ("wrapper", "alloc", "x", "x(Z)p", "")),
        ("x(zz)p", '"wrapper.alloc " "(zZ)p"', ("wrapper", "alloc", "x", "x(zZ)p", "")),
        ("x(z)p", '"wrapper.alloc " ""', ("wrapper", "alloc", "x", "x(Z)p", "")),
        ("x(pz)i", '"wrapper.alloc " "(P*Z)i"', ("wrapper", "alloc", "x", "x(P*Z)i", "")),
        ("x(pz)p", '"wrapper.resize " "(PZ)p"', ("wrapper", "resize", "x", "x(PZ)p", "")),
        ("x(pz)p", '"wrapper.resize " ""', ("wrapper", "resize", "x", "x(PZ)p", "")),
        ("xf(p)", '"wrapper.free " "(P)" "->" "x"', ("wrapper", "free", "x", "xf(P)", "")),
        ("xf(pp)", '"wrapper.free " "" "->" "x"', ("wrapper", "free", "x", "xf(pP)", "")),
        ("get(pz)p", '"allocator.alloc " "(pZ)p" " " "slab" "<" "malloc"',
         ("allocator", "alloc", "slab", "get(pZ)p", "malloc")),
        ("get(pz)p", '"allocator.alloc " "" " " "slab" "<" ""', ("allocator", "alloc", "slab", "get(pZ)p", "")),
        ("grow(pz)p", '"allocator.resize " "" " " "slab"', ("allocator", "resize", "slab", "grow(PZ)p", "")),
        ("put(pp)", '"allocator.free " "(pP)" " " "slab"', ("allocator", "free", "slab", "put(pP)", "")),
        ("drop(pp)", '"allocator.free-all " "" " " "slab"', ("allocator", "free-all", "slab", "drop(Pp)", "")),
        ("ckd(iii)p", '"sized.sized " "(iiI)p"', ("sized", "sized", "ckd", "ckd(iiI)p", "")),
        ("ckd(iii)p", '"sized"', ("sized", "sized", "ckd", "ckd(iii)p", "")),
    ],
)  # fmt: skip
def test_our_annotation(text, words, expected):
    """R5: `annotate("allocs:KIND.LIST SIGNATURE->FUNCTION FAMILY<PARENT")`, whose blanks may be left out."""
    (found,) = annotated(text, words)
    signature = str(parse_signature(expected[3]))
    assert (found.kind, found.list, found.entry, found.signature, found.suballocates) == (
        *expected[:3], signature, expected[4],
    )  # fmt: skip
    assert found.origin == "x.h:3"


def expanded(macro, *arguments):
    """What the preprocessor makes of a macro of stubgen/allocs.h when allocscc scans."""
    with open(f"{data_folder('stubgen')}/allocs.h", encoding="utf-8") as file:
        header = file.read()
    macros = {m[1]: (m[2].split(", "), m[3]) for m in re.finditer(r"^#define (\w+)\(([^)]*)\) (.+)$", header, re.M)}
    parameters, body = macros[macro]
    values = dict(zip(parameters, arguments, strict=True))
    body = re.sub(r"\w+|\"[^\"]*\"", lambda m: values.get(m[0], m[0]), body)
    inner = re.fullmatch(r"ALLOCS_ANNOTATE\((.*)\)", body)
    return expanded("ALLOCS_ANNOTATE", inner[1]) if inner else body


@pytest.mark.parametrize(
    ("text", "macro", "arguments", "expected"),
    [
        ("x(z)p", "ALLOCS_WRAPPER", ["(Z)p"], ("wrapper", "alloc", "x", "x(Z)p", "")),
        ("x(pz)p", "ALLOCS_WRAPPER_RESIZE", [""], ("wrapper", "resize", "x", "x(PZ)p", "")),
        ("xf(p)", "ALLOCS_WRAPPER_FREE", ["(P)", "x"], ("wrapper", "free", "x", "xf(P)", "")),
        ("xf(p)", "ALLOCS_WRAPPER_FREE", ["", "x"], ("wrapper", "free", "x", "xf(P)", "")),
        ("g(pz)p", "ALLOCS_ENTRY", ["slab", "malloc", "(pZ)p"], ("allocator", "alloc", "slab", "g(pZ)p", "malloc")),
        ("g(pz)p", "ALLOCS_ENTRY", ["slab", "", ""], ("allocator", "alloc", "slab", "g(pZ)p", "")),
        ("r(pz)p", "ALLOCS_ENTRY_RESIZE", ["slab", "(PZ)p"], ("allocator", "resize", "slab", "r(PZ)p", "")),
        ("f(p)", "ALLOCS_ENTRY_FREE", ["slab", ""], ("allocator", "free", "slab", "f(P)", "")),
        ("d(p)", "ALLOCS_ENTRY_FREE_ALL", ["slab", ""], ("allocator", "free-all", "slab", "d(P)", "")),
        ("l(pz)", "ALLOCS_ENTRY_FREE_CHAIN", ["slab", "(Pz)"], ("allocator", "free-chain", "slab", "l(Pz)", "")),
        ("b(pp)", "ALLOCS_ENTRY_FREE_SINCE", ["slab", "(pP)"], ("allocator", "free-since", "slab", "b(pP)", "")),
        ("c(iii)p", "ALLOCS_SIZED", ["(iiI)p"], ("sized", "sized", "c", "c(iiI)p", "")),
    ],
)
def test_macros_of_the_public_header(text, macro, arguments, expected):
    """R5: what stubgen/allocs.h spells once is what the scan reads."""
    (found,) = declared(text, expanded(macro, *(f'"{argument}"' for argument in arguments)))
    assert (found.kind, found.list, found.entry, found.signature, found.suballocates) == (
        *expected[:3], str(parse_signature(expected[3])), expected[4],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "attribute", "expected"),
    [
        ("x(z)p", '[[allocs::wrapper]]', ("wrapper", "alloc", "x", "x(Z)p", "")),
        ("x(z)p", '[[allocs::wrapper_alloc("(Z)p")]]', ("wrapper", "alloc", "x", "x(Z)p", "")),
        ("xf(p)", '[[allocs::wrapper_free("(P)->x")]]', ("wrapper", "free", "x", "xf(P)", "")),
        ("g(z)p", '[[allocs::allocator("(Z)p", "slab<malloc")]]', ("allocator", "alloc", "slab", "g(Z)p", "malloc")),
        ("drop(p)", '[[allocs::allocator_free_all("slab")]]', ("allocator", "free-all", "slab", "drop(P)", "")),
        ("ckd(iii)p", '[[allocs::sized("(iiI)p")]]', ("sized", "sized", "ckd", "ckd(iiI)p", "")),
    ],
)  # fmt: skip
def test_our_attribute(text, attribute, expected):
    """R5: `[[allocs::KIND_LIST("…")]]` says the same."""
    (found,) = declared(text, attribute)
    signature = str(parse_signature(expected[3]))
    assert (found.kind, found.list, found.entry, found.signature, found.suballocates) == (
        *expected[:3], signature, expected[4],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x(pz)p", '"wrapper.alloc (Z)p"'),
        ("x(z)p", '"wrapper.alloc (zZ)p"'),
        ("x(p.)p", '"wrapper.alloc (p)p"'),
        ("x(z)p", '"wrapper.alloc (Q)p"'),
        ("x(z)p", '"wrapper.alloc (Z"'),
        ("xf(z)", '"wrapper.free (z)"'),
        ("xf(z)", '"wrapper.free "'),
        ("x(z)p", '"wrapper.resize "'),
    ],
)
def test_annotation_that_cannot_be(text, words):
    """R5: a stub that passes on other arguments than the function takes would break the program: no stub."""
    assert annotated(text, words) == []


def test_result_comes_from_the_prototype():
    """R5: a result that the annotation forgets must not be lost in a stub."""
    (found,) = annotated("x(z)p", '"wrapper.alloc (Z)"')
    assert found.signature == "x(Z)p"


def test_our_annotation_outranks_gcc_s():
    """R5: who says more is believed."""
    both = '__attribute__((malloc)) __attribute__((annotate("allocs:allocator.alloc (pZ)p pool<malloc")))'
    (found,) = declared("get(pz)p", both)
    assert (found.kind, found.entry) == ("allocator", "pool")


@given(
    st.text(max_size=30) | _ATTRIBUTE_TEXT,
    _LETTERS,
    st.sampled_from("pziv"),
    st.dictionaries(st.sampled_from(["free", "malloc"]), _LETTERS),
)
def test_any_text(text, letters, ret, frees):
    """R5: whatever stands in a declaration, what comes out is declarations that the config understands."""
    known = {name: Signature(name, args, "v") for name, args in frees.items()}
    found = declare(Prototype("f", letters, ret, ret == "p", "x.h:3"), parse_attributes(text), known)
    assert all(isinstance(declaration, Declaration) for declaration in found)
    for declaration in found:
        assert len(parse_signature(declaration.signature).args) == len(letters)
    declared_layer(found)
