"""Source-site lines in assembly: `allocscc.backends.srcrecords`."""

from allocscc.backends.srcrecords import source_records
from allocscc.sidecar import Site

_TEXT = '\t.file 1 "x.c"\n\t.file 2 "y.h"\n\t.section .debug_info,"",@progbits\n'


def site(line, column, kind, **more):
    return Site("/a/x.c", line, column, "f", "malloc", kind, "sizeof", **more)


def test_each_type_of_a_line_has_a_name_of_its_own():
    """R17: matching is by file and line; the names differ as text only, and the lines say the same ones."""
    found = source_records(_TEXT, [site(3, 20, "long"), site(3, 5, "int"), site(3, 40, "int"), site(4, 1, "int")])
    assert found.before[1].startswith('\t.file 4 "/a/x.c"\n\t.loc 4 3 5 discriminator 1\n')
    assert found.before[0].startswith('\t.file 3 "/a/./x.c"\n\t.loc 3 3 20 discriminator 2\n')
    assert found.before[2].startswith("\t.loc 4 3 40 discriminator 1\n")
    assert found.before[3].startswith("\t.loc 4 4 1 discriminator 1\n")
    assert found.behind.count(".ascii") == 3  # of one type in one line, one
    assert r'"/a/./x.c\0113\0113\011malloc\011__uniqtype__int$$64\0111\012"' in found.behind


def test_without_debug_info():
    """R17: no line table of ours where the user wants none; the code still keeps its lines (--gc-sections)."""
    found = source_records("\tcall malloc\n", [site(3, 5, "int")])
    assert found.before == {0: "\t.reloc ., BFD_RELOC_NONE, .Lallocs_source_sites\n"}


def test_candidates():
    """R17: a call through a pointer counts, another candidate does not; without sites there is no section."""
    direct = site(3, 5, "int", candidate=True)
    through = Site("/a/x.c", 4, 1, "f", "(indirect)", "int", "sizeof", candidate=True)
    assert source_records(_TEXT, [direct]) is None
    found = source_records(_TEXT, [direct, through])
    assert list(found.before) == [1]
    assert "(indirect)" in found.behind
