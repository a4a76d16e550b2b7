"""What took part in a link beside what `--trace` says: `allocscc.link.taken`."""

from allocscc.link.taken import gold_members

_MAP = """Archive member included because of file (symbol)

libx.a(x.o)                   main.o (x)
sub dir/liblong-name.a(a member of a long name.o)
                              libx.a(x.o) (y)
libx.a(y (1).o)               main.o (y1)

Discarded input sections

 .note.GNU-stack
                0x0000000000000000        0x0 libx.a(z.o)
"""


def test_members_in_golds_map():
    """R15: those in its first list, long names with their reasons in the next line; nothing of the others."""
    assert gold_members(_MAP) == ["libx.a(x.o)", "sub dir/liblong-name.a(a member of a long name.o)", "libx.a(y (1).o)"]


def test_a_map_without_members():
    """R15: nothing, if no archive's member is taken."""
    assert gold_members("Memory map\n\n ** file header\n") == []
