"""Types and names of templates' instances: `allocscc.compile.instances`."""

import pytest

from allocscc.compile.instances import function_name, instance, without_arguments
from allocscc.compile.source import NEW, Sized, SourceSite
from allocscc.values import replace

_MAKE = "_Z4makeI5appleEPT_v"
_PUSH = "_ZN5stackI5appleLi3EE4pushERKS0_"


def site(kind, function, scopes):
    return SourceSite("x.cc", 1, 1, True, NEW, function, Sized(kind, "new"), "1:1", "", scopes)


@pytest.mark.parametrize(
    ("kind", "scopes", "symbol", "expected"),
    [
        ("type-parameter-0-0", "make<T>", _MAKE, "apple"),
        ("T", "make<T>", _MAKE, "apple"),
        ("type-parameter-0-0 *", "make<T>", _MAKE, "apple *"),
        ("box<type-parameter-0-0>", "make<T>", _MAKE, "box<apple>"),
        ("int", "make<T>", _MAKE, "int"),
        ("int", "make<T>", "main", "int"),
        ("type-parameter-0-0[N]", "stack<T,N>", _PUSH, "apple[3]"),
        ("stack::node", "stack<T,N>", _PUSH, "stack<apple, 3>::node"),
        ("stack<T, N>", "stack<T,N>", _PUSH, "stack<apple, 3>"),
        # what the symbol does not tell
        ("type-parameter-0-0", "make<T>", "main", None),
        ("type-parameter-0-0", "make<T>", "_Z5otherI5appleEPT_v", None),
        ("type-parameter-1-0", "make<T>", _MAKE, None),
        ("type-parameter-0-1", "make<T,>", _MAKE, None),
        ("stack::node", "stack<T,N>", "main", None),
        ("typename type-parameter-0-0::type", "make<T>", _MAKE, None),
        ("<dependent type>", "make<T>", _MAKE, None),
        ("decltype(x)", "", "main", None),
        ("tuple<R...>", "make<T,>", _MAKE, None),
    ],
)
def test_type(kind, scopes, symbol, expected):
    """R4: never a guess: a parameter that the symbol has no argument for leaves no type."""
    sized, _ = instance(site(kind, "f", scopes), symbol)
    assert (sized.type if sized else None) == expected


def test_library():
    """R4: what the library puts around a value is not what the user allocates."""
    symbol = "_ZNSt15__new_allocatorISt10_List_nodeIlEE8allocateEmPKv"
    sized, function = instance(site("_Tp", "std::__new_allocator::allocate", "__new_allocator<_Tp>"), symbol)
    assert (sized.type, function) == ("long", "std::__new_allocator<std::_List_node<long>>::allocate")
    symbol = "_ZSt11make_uniqueIA_4pearENSt8__detail9_MakeUniqIT_E7__arrayEm"
    sized, _ = instance(site("typename remove_extent<_Tp>::type", "std::make_unique", "make_unique<_Tp>"), symbol)
    assert (sized.type, sized.evidence, sized.array) == ("pear", "new", True)


@pytest.mark.parametrize(
    ("kind", "scopes", "symbol", "size"),
    [("int", "make<T>", _MAKE, 4), ("int", "", "main", 4), ("T", "make<T>", _MAKE, 0), ("int", "make<int>", _MAKE, 0)],
)
def test_size(kind, scopes, symbol, size):
    """R4, R10: never a guess: the size is the type's, and that of an argument is not known."""
    sized, _ = instance(replace(site(kind, "f", scopes), sized=Sized(kind, "return-type", size=4)), symbol)
    assert sized.size == size


def test_names():
    """R4: readable names, with arguments where they are known."""
    assert instance(site("int", "make", "make<T>"), _MAKE)[1] == "make<apple>"
    assert instance(site("int", "make", "make<T>"), "main")[1] == "make"
    assert (
        instance(site("int", "stack::stack", "stack<T,N>"), "_ZN5stackI5appleLi3EEC2Ev")[1] == "stack<apple, 3>::stack"
    )
    assert function_name("_ZN2ns1K1mEi") == "ns::K::m"
    assert function_name("main") == "main"
    assert without_arguments("ns::box<a::b, c<d>>::get<int>") == "ns::box::get"
    assert without_arguments("K::operator<") == "K::operator<"
