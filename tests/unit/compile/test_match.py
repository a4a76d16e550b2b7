"""Machine sites meet source sites: `allocscc.compile.match`."""

import pytest

from allocscc.compile.asm import MachineSite
from allocscc.compile.match import match_sites
from allocscc.compile.source import NEW, Sized, SourceSite


def machine(line=3, column=9, callee="malloc", file="/w/x.c", tail=False):
    return MachineSite(0, 0, callee, False, tail, True, file, line, column, "label", ".text")


def source(type_, line=3, column=9, callee="malloc", exact=True, file="x.c", **more):
    sized = Sized(type_, "sizeof", **more) if type_ else None
    return SourceSite(file, line, column, exact, callee, "named", sized)


def types(places, sources):
    return [site.type for site in match_sites(places, sources)]


def test_everything_arrives():
    """R4: place and callee come from the machine, function and type from the source."""
    (site,) = match_sites([machine(tail=True)], [source("int", array=True)])
    assert (site.file, site.line, site.column, site.callee, site.tail) == ("/w/x.c", 3, 9, "malloc", True)
    assert (site.function, site.type, site.evidence, site.array) == ("named", "int", "sizeof", True)


def test_unknown_site():
    """R4: without a source site the place is known, the type is not."""
    (site,) = match_sites([machine()], [])
    assert (site.line, site.function, site.type, site.evidence, site.array) == (3, "label", "", "none", False)


def test_site_without_a_type():
    """R4: a source site that says nothing of a type still names the function."""
    (site,) = match_sites([machine()], [source("")])
    assert (site.function, site.type, site.evidence) == ("named", "", "none")


def test_exact_column():
    """R4: several calls on a line are told apart by their columns."""
    sources = [source("int", column=9), source("long", column=30)]
    assert types([machine(column=30), machine(column=9)], sources) == ["long", "int"]


def test_other_lines_and_files_do_not_count():
    """R4: the line and the file have to fit."""
    assert types([machine()], [source("int", line=4), source("int", file="y.c")]) == [""]


def test_macro_ordinal():
    """R4: behind a macro the columns differ, the order is the same."""
    sources = [source("int", column=50, exact=False), source("long", column=90, exact=False)]
    assert types([machine(column=5), machine(column=20)], sources) == ["int", "long"]


def test_macro_ordinal_for_a_call_that_was_copied():
    """R4: two instructions of one source call (unrolled, inlined) have one column and count once."""
    sources = [source("int", column=50, exact=False), source("long", column=90, exact=False)]
    places = [machine(column=20), machine(column=5), machine(column=20)]
    assert types(places, sources) == ["long", "int", "long"]


def test_macro_with_a_call_removed():
    """R4: fewer machine calls than source calls: the order tells nothing, so there is no type."""
    sources = [source("int", column=50, exact=False), source("long", column=90, exact=False)]
    assert types([machine(column=5)], sources) == [""]


def test_macro_with_one_meaning():
    """R4: all calls of the line allocate the same: the order does not matter."""
    sources = [source("int", column=50, exact=False), source("int", column=90, exact=False)]
    assert types([machine(column=5)], sources) == ["int"]


def test_ambiguous_gives_no_type():
    """R4: never a guess: two source sites fit and differ."""
    sources = [source("int"), source("long")]
    assert types([machine()], sources) == [""]


def test_ambiguous_in_array_only():
    """R4: they also differ where only one may hold several."""
    assert types([machine()], [source("int"), source("int", array=True)]) == [""]


def test_no_column_information():
    """R4: with -gno-column-info a line with one call is still clear, one with two is not."""
    assert types([machine(column=0)], [source("int")]) == ["int"]
    assert types([machine(column=0)], [source("int"), source("long", column=40)]) == [""]


def test_callee_tells_apart():
    """R4: malloc and realloc on one line, columns unknown."""
    sources = [source("int"), source("long", callee="realloc", column=20)]
    assert types([machine(column=0, callee="realloc")], sources) == ["long"]


def test_malloc_became_calloc():
    """R4: gcc turns malloc and memset into calloc; line and column still match."""
    (site,) = match_sites([machine(callee="calloc")], [source("int")])
    assert (site.type, site.callee) == ("int", "calloc")


@pytest.mark.parametrize("callee", ["_Znwm", "_Znam", "_ZnwmSt11align_val_t", "_ZnwmRKSt9nothrow_t"])
def test_new(callee):
    """R4: `new T` in the source is a mangled operator new in the machine code."""
    sources = [source("T", callee=NEW), source("int", callee="malloc")]
    assert types([machine(callee=callee)], sources) == ["T"]


def test_new_is_not_delete_or_malloc():
    """R4: a machine call of malloc takes the malloc of its line, not the `new` beside it."""
    sources = [source("T", callee=NEW, column=9), source("int", callee="malloc", column=9)]
    assert types([machine()], sources) == ["int"]


def test_files_with_one_basename():
    """R4: a/util.c and b/util.c in one unit (HAZARDS 4): what the line markers say decides."""
    sources = [source("int", file="a/util.c"), source("long", file="b/util.c")]
    assert types([machine(file="/w/a/util.c"), machine(file="/w/b/util.c")], sources) == ["int", "long"]


def test_order_is_kept():
    """R4: one result for each machine site, in text order."""
    places = [machine(line=n) for n in (5, 3, 4)]
    assert [s.line for s in match_sites(places, [source("int", line=4)])] == [5, 3, 4]


def test_file_with_a_basename_of_another():
    """R4: never a guess: what stands at the same place of another file says nothing."""
    assert types([machine(file="/w/a/util.h")], [source("int", file="/w/b/util.h")]) == [""]
