"""C++ symbols without a demangler: `allocscc.compile.mangled`, `symboltext`, `cxxtypes`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.compile.mangled import readable_name


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("_Z1fv", "f"),
        ("_ZL3addRSt6vectorI4nodeSaIS0_EEi", "add"),
        ("_ZN4shop4cart3addEi", "shop::cart::add"),
        ("_ZNK4shop4cart3getEv", "shop::cart::get"),
        ("_ZN4shop4cartC2Ei", "shop::cart::cart"),
        ("_ZN4shop4cartD0Ev", "shop::cart::~cart"),
        ("_ZN4shop4cartI4nodeEC1Ei", "shop::cart<node>::cart"),
        ("_ZN12_GLOBAL__N_13runEv", "(anonymous namespace)::run"),
        ("_Z5freshI4nodeEPT_i", "fresh<node>"),
        ("_Z5freshIPKcEPT_i", "fresh<const char *>"),
        ("_ZN4shop5freshIiLm3ELb1ELin7EEEvv", "shop::fresh<int, 3, true, -7>"),
        ("_ZNSt15__new_allocatorI4nodeE8allocateEmPKv", "std::__new_allocator<node>::allocate"),
        ("_ZNSt16allocator_traitsISaI4nodeEE8allocateERS1_m", "std::allocator_traits<std::allocator<node>>::allocate"),
        ("_ZNSt6vectorI4nodeSaIS0_EE7reserveEm", "std::vector<node>::reserve"),
        ("_ZNSt6vectorI4node4poolIS0_EE7reserveEm", "std::vector<node, pool<node>>::reserve"),
        ("_ZNSaI4nodeE8allocateEm", "std::allocator<node>::allocate"),
        ("_ZNSs7reserveEm", "std::basic_string<char>::reserve"),
        ("_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE9_M_createERmm", "std::basic_string<char>::_M_create"),
        ("_ZNSt3mapIi3bigSt4lessIiESaISt4pairIKiS0_EEEixERS4_", "std::map<int, big>::operator[]"),
        ("_ZNSt3mapIi3bigSt7greaterIiESaISt4pairIKiS0_EEEixERS4_", "std::map<int, big, std::greater<int>>::operator[]"),
        ("_ZNSt3__16vectorI4nodeNS_9allocatorIS1_EEE7reserveEm", "std::vector<node>::reserve"),
        ("_ZNSt14_Function_base13_Base_managerIZ1giEUliE_E9_M_createIS1_EEvRSt9_Any_dataOT_St17integral_constantIbLb0EE",
         "std::_Function_base::_Base_manager<<lambda in g>>::_M_create<<lambda in g>>"),
        ("_ZSt11make_uniqueIZ1gvE1LJEENSt8__detail9_MakeUniqIT_E15__single_objectEDpOT0_", "std::make_unique<L>"),
        ("_ZSt11make_uniqueIA_iENSt8__detail9_MakeUniqIT_E7__arrayEm", "std::make_unique<int[]>"),
        ("_ZSt11make_uniqueI4nodeJRiEENSt8__detail9_MakeUniqIT_E15__single_objectEDpOT0_",
         "std::make_unique<node, int &>"),
        ("_ZZ4mainENK3$_0clEi", "<unnamed in main>::operator()"),
        ("_ZZ4mainENKUliE_clEi", "<lambda in main>::operator()"),
        ("_ZZ4mainENKUlT_E_clIiEEDaS_", "<lambda in main>::operator()<int>"),
        ("_ZN1aUt_1fEv", "<unnamed in a>::f"),
        ("_Z1gIFvPFicEA10_KdMN1a1bEiMS5_KFvvEEEvv",
         "g<void (int (*)(char), const double[10], int a::b::*, void (a::b::*)() const)>"),
        ("_Z1gIPA3_iRA_cOiVKmPKPcEvv",
         "g<int (*)[3], char (&)[], int &&, const volatile unsigned long, char *const *>"),
        ("_Z1gIN9__gnu_cxx12_Lock_policyELS1_2EEvv", "g<__gnu_cxx::_Lock_policy, (__gnu_cxx::_Lock_policy)2>"),
        ("_Z1gIXadL_Z1fvEEEvv", ""),
        ("_Z1gIL_Z1fvEEvv", "g<&f>"),
        ("_Z1gITtTyEvv", ""),
        ("_Z1gIDnDiDaDxFvvEDoFvvEEvv", "g<std::nullptr_t, char32_t, auto, void (), void ()>"),
        ("_ZN1aplERKS_", "a::operator+"),
        ("_ZN1acvPcEv", "a::operator char *"),
        ("_Zli3_kmy", 'operator""_km'),
        ("_ZN1anwEm", "a::operator new"),
        ("_ZN1aCI21bEi", "a::a"),
        ("_ZN1a1fB5cxx11Ev", "a::f"),
        ("_ZZ1fvE1x_0", "x"),
        ("_ZZ1fiENKUlvE0_clEv", "<lambda in f>::operator()"),
        ("_ZZN1a1fEiEd_NKUlvE_clEv", "<lambda in a::f>::operator()"),
        ("_ZN1aMUlvE_clEv", "<lambda in a>::operator()"),
    ],
)  # fmt: skip
def test_names(symbol, name):
    """R4: qualified, with template arguments as clang spells types, without parameters; "" for what is not read."""
    assert readable_name(symbol) == name


@pytest.mark.parametrize(
    "symbol",
    ["", "f", "_Z", "_ZN", "_ZNE", "_ZS_", "_ZS", "_ZSt", "_Z9short", "_Z0", "_ZN1aIE", "_ZN1aT_E",
     "_ZZ1fvE", "_ZZ1fvEs", "_ZTV4node", "_ZGVZ1fvE1x", "_Z999999999999999999f", "_Z1fILi", "_ZUlvE", "_ZM",
     "_Z1fIT99999_Evv", "_Z1fIS99999_Evv", "_Z1fIS_-Evv", "_ZN1aSEv", "_Z1é"],
)  # fmt: skip
def test_what_is_no_symbol(symbol):
    """R3: cut short, without a name of a person's, or never one."""
    assert readable_name(symbol) in ("", "é", "f")


def test_sizes_are_bounded():
    """R3: a symbol may stand for a type that doubles with every character, or nest as deep as it likes."""
    doubling = "_Z1fI1aIiE" + "".join(f"1bIS{n}_S{n}_E" for n in "13579BDFHJLNPRTVXZ") + "Evv"
    assert readable_name(doubling) == ""
    for piece in ("P", "J", "1aI", "N1a", "Z1f", "FP", "A1_", "K", "M1a", "DpP", "UlP", "L_Z1fI"):
        assert readable_name(f"_Z1fI{piece * 3000}") == ""


_PIECES = st.sampled_from([
    "N", "E", "I", "J", "S", "St", "Sa", "S_", "S0_", "T_", "T0_", "Z", "L", "Lb1E", "Ul", "Ut_", "E_", "1a", "2bc",
    "C1", "D2", "K", "P", "R", "O", "A", "A3_", "F", "M", "Dp", "Dn", "v", "i", "X", "ad", "cl", "B", "Li", "DT", "s",
    "d_", "_",
])  # fmt: skip


@given(st.lists(_PIECES, max_size=25).map("".join) | st.text(max_size=20))
def test_any_symbol(text):
    """R3: symbols come from assembly, which may hold anything."""
    assert isinstance(readable_name(f"_Z{text}"), str)
    assert isinstance(readable_name(f"_Z1fI{text}"), str)
