"""What library functions allocate: `allocscc.compile.containers`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.compile.containers import allocated_type, tidy
from allocscc.compile.source import Sized

ALLOCATE = "std::__new_allocator<{}>::allocate"


def one(kind):
    return Sized(kind, "inlined")


def many(kind):
    return Sized(kind, "inlined", True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (ALLOCATE.format("node"), many("node")),
        ("__gnu_cxx::new_allocator<node>::allocate", many("node")),  # gcc 11
        ("std::allocator<node>::allocate", many("node")),  # C++20
        ("std::allocator<node>", many("node")),
        ("std::allocator_traits<std::allocator<node>>::allocate", many("node")),
        ("std::allocator_traits<std::allocator<node>>::construct<node, int &>", None),
        (ALLOCATE.format("char"), many("char")),
        (ALLOCATE.format("node *"), many("node *")),
        (ALLOCATE.format("std::vector<int>"), many("std::vector<int>")),
        (ALLOCATE.format("std::_Rb_tree_node<std::pair<const int, big>>"), one("std::pair<const int, big>")),
        (ALLOCATE.format("std::_List_node<node>"), one("node")),
        (ALLOCATE.format("std::_Fwd_list_node<node>"), one("node")),
        (ALLOCATE.format("std::__detail::_Hash_node<std::pair<const int, node>, false>"),
         one("std::pair<const int, node>")),
        (ALLOCATE.format("std::__detail::_Hash_node_base *"), many("std::__detail::_Hash_node_base *")),
        (ALLOCATE.format("std::_Sp_counted_ptr_inplace<node, std::allocator<void>, (__gnu_cxx::_Lock_policy)2>"),
         one("node")),
        (ALLOCATE.format("std::_Sp_counted_deleter<node *, drop, std::allocator<void>, (__gnu_cxx::_Lock_policy)2>"),
         one("std::_Sp_counted_deleter<node *, drop, std::allocator<void>, (__gnu_cxx::_Lock_policy)2>")),
        ("std::__allocate_guarded<std::allocator<std::_Sp_counted_ptr_inplace<node, std::allocator<void>, 2>>>",
         one("node")),
        (ALLOCATE.format("void"), None),
        ("std::make_unique<node, int &>", one("node")),
        ("std::make_unique<node[]>", many("node")),
        ("std::make_unique_for_overwrite<node>", one("node")),
        ("std::_Function_base::_Base_manager<adder>::_M_create<adder>", one("adder")),
        ("_M_create<const adder &>", one("adder")),
        ("_M_create<adder *const &>", one("adder *")),
        ("std::any::_Manager_external<big>::_S_create<big>", one("big")),
        ("std::get_temporary_buffer<node>", many("node")),
        ("std::__valarray_get_storage<double>", many("double")),
        ("std::thread::thread<void (&)()>", None),
        ("std::__shared_count<(__gnu_cxx::_Lock_policy)2>::__shared_count<node *>", None),
        ("std::basic_string<char>::_M_create", None),
        ("fresh<node>", None),
        ("", None),
        ("a<b", None),
        ("operator<", None),
        ("std::operator<< <std::char_traits<char>>", None),
    ],
)  # fmt: skip
def test_innermost_function(name, expected):
    """R4: value types of containers, objects of smart pointers, functors; what is bookkeeping or unknown has none."""
    assert allocated_type([name]) == expected
    assert allocated_type([name, "std::make_unique<other>"]) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["allocate", "allocate", "_M_allocate", "std::vector<node>::_M_realloc_insert<node>"], many("node")),
        (["allocate", "allocate", "_M_allocate", "std::vector<bool>::_M_reallocate"], None),
        (["allocate", "_M_get_node", "_M_create_node<node>", "std::list<node>::_M_insert<node>"], one("node")),
        (["allocate", "_M_get_node", "std::_Rb_tree<int, std::pair<const int, big>, x>::_M_create_node<big>"],
         None),  # it passes on, to nobody
        (["allocate", "_M_get_node", "_M_create_node", "_Auto_node",
          "std::_Rb_tree<int, std::pair<const int, big>, x>::_M_emplace_unique<int>"],
         one("std::pair<const int, big>")),
        (["allocate", "allocate", "_M_allocate_node", "std::deque<big>::_M_push_back_aux"], many("big")),
        (["allocate", "allocate", "_M_allocate_map", "std::deque<big>::_M_reallocate_map"], None),
        (["allocate", "allocate", "std::_Deque_base<big>::_M_allocate_map"], None),
        (["allocate", "allocate", "std::_Hashtable<int, big>::_M_allocate_buckets"], None),
        (["allocate", "allocate", "__allocate_guarded<std::allocator<std::_Sp_counted_ptr_inplace<big, x>>>"],
         one("big")),
        (["allocate", "run", "std::vector<node>::reserve"], None),
        (["allocate"], None),
        ([], None),
    ],
)  # fmt: skip
def test_functions_without_types(names, expected):
    """R4: debug info may name inner functions without their classes; an outer one tells, if all inner ones pass on."""
    assert allocated_type(names) == expected


@pytest.mark.parametrize(
    ("name", "tidied"),
    [
        ("make_unique<(anonymous namespace)::hidden>", "make_unique<(anonymous namespace)::hidden>"),
        ("vector<node*, std::allocator<node*> >", "vector<node *, std::allocator<node *>>"),
        ("__new_allocator<std::vector<std::vector<int> > >", "__new_allocator<std::vector<std::vector<int>>>"),
        ("f<long unsigned int, short int, unsigned char>", "f<unsigned long, short, unsigned char>"),
        ("f<long long unsigned int, long int, long double>", "f<unsigned long long, long, long double>"),
        ("f<const std::__cxx11::basic_string<char>&, int&&>", "f<const std::basic_string<char> &, int &&>"),
        ("_M_create<(lambda at /w/sub dir/a.cc:216:6)>", "_M_create<<lambda at a.cc:216>>"),
        ("make_unique<(anonymous struct at /w/a.cc:3:1)>", "make_unique<struct <anonymous at a.cc:3>>"),
        ("at at at", "at at at"),
    ],
)
def test_tidy(name, tidied):
    """R4: one type has one name, whoever spelled it."""
    assert tidy(name) == tidied


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("g(int)::L", "L"),
        ("g(int) const::L", "L"),
        ("shop::cart<int>::f(long, char *)::L", "L"),
        ("function_of_lambda(std::function<int(int)> &, int)::<lambda(int)>", "<lambda in function_of_lambda>"),
        ("shop::run(int)::<lambda(const node &)>", "<lambda in shop::run>"),
        ("(anonymous namespace)::hidden", "(anonymous namespace)::hidden"),
        ("int (int)", "int (int)"),
        ("void (*)(int)", "void (*)(int)"),
        ("std::function<int (int)>", "std::function<int (int)>"),
    ],
)
def test_local_types(kind, expected):
    """R4: a local class is spelled as clang does, a lambda with the function that it is in."""
    assert allocated_type([f"std::make_unique<{kind}>"]) == one(expected)


@given(st.lists(st.text(alphabet="<>(){}[]:, *&abz_", max_size=30) | st.sampled_from([
    "allocate", "std::allocator<", "std::allocator<>::allocate", "make_unique<>", "make_unique<::>", "_M_create<&>",
    "std::vector<>::x", "_Rb_tree<int>::x", "allocator<allocator<allocator<int>>>::allocate", "::", "allocator<::>",
])))  # fmt: skip
def test_any_names(names):
    """R3: names come from assembly, which may hold anything."""
    found = allocated_type([tidy(name) for name in names])
    assert found is None or isinstance(found.type, str)
