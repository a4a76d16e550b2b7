"""liballocs' lines: `allocscc.backends.srcallocs`."""

import pytest

from allocscc.backends.srcallocs import srcallocs_line, uniqtype
from allocscc.sidecar import Site


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("int", "int$$32"), ("short", "int$$16"), ("long", "int$$64"), ("unsigned long", "uint$$64"),
        ("unsigned char", "unsigned_char$$8"), ("char", "signed_char$$8"), ("double", "float$$64"), ("struct S", "S"),
        ("const struct S", "S"), ("int[4][5]", "__ARR4___ARR5_int$$32"), ("void **", "__PTR___PTR_void"),
        ("double *", "__PTR_float$$64"), ("struct S *", "__PTR_S"), ("void *", "__EXISTS1___PTR__1"),
        ("char *", "__EXISTS1___PTR__1"), ("struct S *[3]", "__ARR3___PTR_S"), ("", "__uninterpreted_byte"),
    ],
)  # fmt: skip
def test_type_strings(spelling, name):
    """R17: the table of LIBALLOCS-ABI.md."""
    assert uniqtype(spelling) == f"__uniqtype__{name}"


def test_line():
    """R17: six fields with tabs between; the line twice."""
    site = Site("/src/x.c", 7, 3, "f", "xmalloc", "struct S", "sizeof", array=True)
    assert srcallocs_line(site) == "/src/x.c\t7\t7\txmalloc\t__uniqtype__S\t1"
