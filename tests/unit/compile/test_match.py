"""Machine sites meet source sites: `allocscc.compile.match`."""

import pytest

from allocscc.compile.asm import MachineSite
from allocscc.compile.match import match_sites
from allocscc.compile.source import NEW, Sized, SourceSite


def machine(line=3, column=9, callee="malloc", file="/w/x.c", tail=False, function="label"):
    return MachineSite(0, 0, callee, False, tail, True, file, line, column, function, ".text")


def source(type_, line=3, column=9, callee="malloc", exact=True, file="x.c", function="named", around=(), **more):
    """`around`: places, outer and scopes."""
    sized = Sized(type_, "sizeof", **more) if type_ else None
    return SourceSite(file, line, column, exact, callee, function, sized, *around)


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


def test_malloc_became_calloc_in_one_copy():
    """R4: where a function is inlined twice, only one of the two calls may have become another."""
    assert types([machine(callee="calloc"), machine()], [source("int")]) == ["int", "int"]


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


def test_argument_of_a_call():
    """R4: gcc gives a call the place of the call that it is an argument of; the record has its own."""
    inner = source("int", line=4, column=5, around=("4:5", "3:1 3:7"))
    (site,) = match_sites([machine(line=3, column=1)], [inner])
    assert (site.type, site.line, site.column) == ("int", 4, 5)


def test_argument_with_a_place_of_its_own():
    """R4: what is at its own place (clang) is not at that of the call around it."""
    sources = [source("int", column=1, around=("3:1", "")), source("long", column=5, around=("3:5", "3:1"))]
    assert types([machine(column=1), machine(column=5)], sources) == ["int", "long"]
    assert types([machine(column=1), machine(column=1)], sources) == ["", ""]


def test_any_of_its_places():
    """R4: g++ places a call at its parenthesis; the record has where it begins."""
    (site,) = match_sites([machine(column=15)], [source("int", column=9, around=("3:9 3:15", ""))])
    assert (site.type, site.column) == ("int", 9)


def test_unknown_column_of_a_place():
    """R4: behind a macro a place has no column; the line's order counts."""
    sources = [source("int", column=50, exact=False, around=("3:0", "")), source("long", column=9, around=("3:9", ""))]
    assert types([machine(column=9), machine(column=30)], sources) == ["long", "int"]


def test_exact_columns_are_not_overruled():
    """R4: never a guess: an instruction at another column of the line is another call's, or of two calls at once."""
    assert types([machine(column=20)], [source("int")]) == [""]


@pytest.mark.parametrize(("other", "expected"), [("long", ""), ("int", "int")])
def test_merged_calls(other, expected):
    """R4: never a guess: gcc makes one call of two, at the place of either; the other is missing."""
    sources = [source("int", line=3), source(other, line=5)]
    assert types([machine(line=3)], sources) == [expected]


@pytest.mark.parametrize(
    ("sizes", "expected"), [((8, 8), 8), ((0, 8), 8), ((8, 0), 8), ((0, 0), 0), ((8, 16), 0), ((0, 8, 16), 0)]
)
def test_size_of_one_type(sizes, expected):
    """R4, R6, R10: with LTO a header's call is many units', and not each has the type's definition, or the same one."""
    (site,) = match_sites([machine()], [source("struct s", size=size) for size in sizes])
    assert (site.type, site.size) == ("struct s", expected)


@pytest.mark.parametrize(("sizes", "expected"), [((8, 8), 8), ((8, 0), 8), ((0, 8), 0), ((8, 16), None)])
def test_merged_calls_of_types_of_one_name(sizes, expected):
    """R4: never a guess: two types that are local to functions or blocks may have one name."""
    sources = [source("struct s", line=3, size=sizes[0]), source("struct s", line=5, size=sizes[1])]
    (merged,) = match_sites([machine(line=3)], sources)
    assert (merged.type, merged.size) == (("struct s", expected) if expected is not None else ("", 0))
    sources = [source("struct s", function="f", size=sizes[0]), source("struct s", 8, function="g", size=sizes[1])]
    (shared,) = match_sites([machine(function="f")], sources, text="\n\t.set\tg,f\n")
    assert (shared.type, shared.size) == (merged.type, merged.size)


def test_what_is_missing_elsewhere_does_not_count():
    """R4: only calls of one function can have become one; a template may have no instance."""
    others = [source("long", line=7, function="other"), source("long", line=8, around=("8:9", "", "make<T>"))]
    assert types([machine()], [source("int"), *others]) == ["int"]
    assert types([machine()], [source("int"), source("long", line=9, callee="calloc")]) == ["int"]


def test_clang_tells_of_merged_calls():
    """R4: clang gives a call that it made of two no line, so the others are what they seem."""
    sources = [source("int", line=3), source("long", line=5)]
    (site,) = match_sites([machine(line=3)], sources, text='\t.ident\t"Debian clang version 14.0.6"\n')
    assert site.type == "int"


@pytest.mark.parametrize(("other", "expected"), [("long", ""), ("int", "int")])
def test_functions_that_became_one(other, expected):
    """R4: never a guess: gcc's -fipa-icf lets functions with the same code share it."""
    sources = [source("int", function="f"), source(other, line=8, function="g")]
    (site,) = match_sites([machine(function="f")], sources, text="\n\t.set\tg,f\n")
    assert site.type == expected


def test_no_place_at_all():
    """R4: gcc's thunks have no lines; the function tells, if it tells of one type."""
    sources = [source("int", line=4, function="f"), source("long", line=8, function="g")]
    (site,) = match_sites([machine(line=0, column=0, file="", function="f")], sources)
    assert (site.type, site.file, site.line, site.column) == ("int", "x.c", 4, 9)
    assert types([machine(line=0, column=0, function="h")], sources) == [""]


def test_template():
    """R4: the symbol of the function tells which instance it is; where the call was inlined, that function's."""
    sources = [source("type-parameter-0-0", function="make", around=("3:9", "", "make<T>"))]
    places = [machine(function="_Z4makeI3fooEPT_v"), machine(function="_Z4makeIiEPT_v"), machine(function="main")]
    sites = match_sites(places, sources)
    assert [(site.type, site.function) for site in sites] == [("foo", "make<foo>"), ("int", "make<int>"), ("", "make")]
    sites = match_sites(places[2:], sources, ["_Z4makeI3barEPT_v"])
    assert [(site.type, site.function) for site in sites] == [("bar", "make<bar>")]


def test_array_new():
    """R4: `operator new[]` makes room for several, whatever the type's name says."""
    (site,) = match_sites([machine(callee="_Znam")], [source("int", callee=NEW)])
    assert site.array


def test_readable_name_of_an_unknown_site():
    """R4: C++ functions have the names that people write."""
    (site,) = match_sites([machine(function="_ZN2ns1K1mEv")], [])
    assert site.function == "ns::K::m"
