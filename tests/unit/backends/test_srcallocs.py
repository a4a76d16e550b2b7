"""Liballocs' lines: `allocscc.backends.srcallocs`."""

from allocscc.backends.srcallocs import may_be_array, srcallocs_line
from allocscc.sidecar import Site


def test_line():
    """R17: six fields with tabs between; the line twice."""
    site = Site("/src/x.c", 7, 3, "f", "xmalloc", "struct S", "sizeof", array=True)
    assert srcallocs_line(site) == "/src/x.c\t7\t7\txmalloc\t__uniqtype__S\t1"
    assert srcallocs_line(site, "/src/./x.c").startswith("/src/./x.c\t7\t")


def test_may_be_array():
    """R17: one of a type may be the first of several, unless there is something behind it."""
    assert may_be_array(Site("x.c", 1, 1, "f", "malloc", "struct S", "sizeof"))
    assert may_be_array(Site("x.c", 1, 1, "f", "malloc"))
    assert not may_be_array(Site("x.c", 1, 1, "f", "malloc", "struct S", "offsetof", members="struct S"))


def test_structure():
    """R17: several members are a structure, named by its site; no array of them."""
    site = Site("/x.c", 7, 3, "f", "malloc", "struct F", "sizeof", members="struct F;struct S[]")
    assert srcallocs_line(site) == (
        "/x.c\t7\t7\tmalloc\tstructure_type dumpallocs_synthetic_$2fx$2ec$097$097 "
        "{ member : F; member : (array_type [type = S] { }); };\t0"
    )
