"""Liballocs' names of types: `allocscc.backends.uniqtypes`."""

import pytest

from allocscc.backends.uniqtypes import structure, uniqtype


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("int", "int$$32"), ("short", "int$$16"), ("long", "int$$64"), ("unsigned long", "uint$$64"),
        ("unsigned char", "unsigned_char$$8"), ("char", "signed_char$$8"), ("double", "float$$64"), ("struct S", "S"),
        ("const struct S", "S"), ("int[4][5]", "__ARR4___ARR5_int$$32"), ("void **", "__PTR___PTR_void"),
        ("double *", "__PTR_float$$64"), ("struct S *", "__PTR_S"), ("void *", "__EXISTS1___PTR__1"),
        ("char *", "__EXISTS1___PTR__1"), ("struct S *[3]", "__ARR3___PTR_S"), ("", "__uninterpreted_byte"),
        ("enum E", "E"), ("const char *", "__EXISTS1___PTR__1"), ("int[]", "__ARR0_int$$32"),
        ("const struct S *const", "__PTR_S"), ("unsigned int *", "__PTR_uint$$32"), ("_Bool", "boolean$$8"),
        ("int (*)[4]", "__PTR___ARR4_int$$32"), ("void (*)(void)", "__PTR___FUN_FROM___FUN_TO_void"),
        ("int (*)(const char *, ...)", "__PTR___FUN_FROM___ARG0___PTR_signed_char$$8__VA___FUN_TO_int$$32"),
        ("char *(*)(int, long)", "__PTR___FUN_FROM___ARG0_int$$32__ARG1_int$$64__FUN_TO___PTR_signed_char$$8"),
        ("int (*[2])(void)", "__ARR2___PTR___FUN_FROM___FUN_TO_int$$32"),
        ("int (void) *", "__PTR___FUN_FROM___FUN_TO_int$$32"), ("int[4] **", "__PTR___PTR___ARR4_int$$32"),
        ("struct <anonymous at x.c:3>", "$3canonymous$20at$20x$2ec$3a3$3e"), ("struct a$b", "a$$b"),
    ],
)  # fmt: skip
def test_names(spelling, name):
    """R17: the table of LIBALLOCS-ABI.md, and what it leaves to C's grammar."""
    assert uniqtype(spelling) == f"__uniqtype__{name}"


def test_structure():
    """R17: a structure that no source declares, in dwarfidl."""
    assert structure("a b", ["struct F", "struct S[]"]) == (
        "structure_type a$20b { member : F; member : (array_type [type = S] { }); };"
    )
    assert structure("x", ["int", "char *", "long[4]"]) == (
        "structure_type x { member : int$32; member : (pointer_type [type = signed_char$8];); "
        "member : (array_type [type = int$64] {subrange_type [upper_bound = 4]; }); };"
    )
