"""Dependency files of linkers without our files: `allocscc.link.dependencies`."""

from hypothesis import given
from hypothesis import strategies as st

from allocscc.link.dependencies import tidy_dependencies, without_ours

COPIES = {"/tmp/allocscc-1/3-x.o": "sub/x.o"}
OURS = ["/tmp/allocscc-1", "/cache/allocscc"]
LINES = """prog: \\
  crt1.o \\
  /tmp/allocscc-1/3-x.o \\
  /cache/allocscc/stubs/a.o \\
  libc.so \\
  crtn.o

crt1.o:

/tmp/allocscc-1/3-x.o:

/cache/allocscc/stubs/a.o:

libc.so:
"""
WANTED = """prog: \\
  crt1.o \\
  sub/x.o \\
  libc.so \\
  crtn.o

crt1.o:

sub/x.o:

libc.so:
"""


def test_one_name_a_line():
    """HAZARDS 18: as bfd, gold and lld write it."""
    assert without_ours(LINES, COPIES, OURS) == WANTED


def test_all_names_in_a_line():
    """HAZARDS 18: as mold writes it."""
    text = "prog: crt1.o /tmp/allocscc-1/3-x.o /cache/allocscc/rt.a crtn.o\n\n/cache/allocscc/rt.a:\n\ncrtn.o:\n"
    assert without_ours(text, COPIES, OURS) == "prog: crt1.o sub/x.o crtn.o\n\ncrtn.o:\n"


@given(st.text(st.sampled_from("ab/ :\\\n\t.")))
def test_other_texts_stay(text):
    """R3: where none of our names is, nothing changes."""
    assert without_ours(text, COPIES, OURS) == text


def test_file(tmp_path):
    """HAZARDS 18: the file is changed in place; where there is none, none is made."""
    path = tmp_path / "d"
    tidy_dependencies(str(path), COPIES, OURS)
    assert not path.exists()
    path.write_text(LINES)
    tidy_dependencies(str(path), COPIES, OURS)
    assert path.read_text() == WANTED
