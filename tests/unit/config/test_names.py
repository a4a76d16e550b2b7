"""C++ names and their symbols: `allocscc.config.names`."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocscc.config.names import as_symbols, cxx_symbols
from allocscc.config.signature import parse_signature
from allocscc.errors import ConfigError
from tests.unit.damage import nothing_but

# Left what c++filt prints, or a person writes; right what g++ 12 made of it (nm of an object with these functions).
_MANGLED = {
    "operator new(unsigned long)": "_Znwm",
    "operator new(std::size_t)": "_Znwm",
    "operator new(size_t, std::align_val_t)": "_ZnwmSt11align_val_t",
    "operator new(unsigned long, std::align_val_t, std::nothrow_t const&)": "_ZnwmSt11align_val_tRKSt9nothrow_t",
    "operator new[](unsigned long, std::nothrow_t const&)": "_ZnamRKSt9nothrow_t",
    "operator new[](unsigned long, const std::nothrow_t &)": "_ZnamRKSt9nothrow_t",
    "operator delete(void*)": "_ZdlPv",
    "operator delete(void*, unsigned long)": "_ZdlPvm",
    "operator delete[](void*, std::align_val_t)": "_ZdaPvSt11align_val_t",
    "operator delete[](void*, unsigned long, std::align_val_t)": "_ZdaPvmSt11align_val_t",
    "S::operator new(unsigned long)": "_ZN1SnwEm",
    "S::operator delete(void*)": "_ZN1SdlEPv",
    "S::operator()(int)": "_ZN1SclEi",
    "S::f(S const&)": "_ZN1S1fERKS_",
    "S::g(S*)": "_ZN1S1gEPS_",
    "S::size() const": "_ZNK1S4sizeEv",
    "ns::f(int)": "_ZN2ns1fEi",
    "ns::h(ns::pool*, ns::pool const&)": "_ZN2ns1hEPNS_4poolERKS0_",
    "ns::deep::k(ns::pool&&, ns::arg**)": "_ZN2ns4deep1kEONS_4poolEPPNS_3argE",
    "ns::pool::get(unsigned long)": "_ZN2ns4pool3getEm",
    "ns::pool::put(ns::arg*)": "_ZN2ns4pool3putEPNS_3argE",
    "ns::pool::take(ns::pool::item const*, ns::arg&, ns::pool::item*)": "_ZN2ns4pool4takeEPKNS0_4itemERNS_3argEPS1_",
    "std::extra(std::nothrow_t const&, unsigned long)": "_ZSt5extraRKSt9nothrow_tm",
    "std::pmr::memory_resource::allocate(unsigned long, unsigned long)": "_ZNSt3pmr15memory_resource8allocateEmm",
    "a1(std::string const&, std::wstring)": (
        "_Z2a1RKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEENS0_IwS1_IwESaIwEEE"
    ),
    "a2(FILE*, size_t, ssize_t, uint32_t, std::uint64_t, int64_t, uintptr_t)": "_Z2a2P8_IO_FILEmljmlm",
    "a2(_IO_FILE*, unsigned long, long, unsigned int, unsigned long, long, unsigned long)": "_Z2a2P8_IO_FILEmljmlm",
    "a3(void (*)(int), char const*, ...)": "_Z2a3PFviEPKcz",
    "a4(E, U, U*)": "_Z2a41E1UPS0_",
    "a5(std::string_view)": "_Z2a5St17basic_string_viewIcSt11char_traitsIcEE",
    "a6(long double, __int128, unsigned char, signed char, wchar_t, char16_t, bool)": "_Z2a6enhawDsb",
    "a7(std::nothrow_t const&, std::align_val_t)": "_Z2a7RKSt9nothrow_tSt11align_val_t",
    "a8(void*, void const*, void* volatile*)": "_Z2a8PvPKvPVS_",
    "a9(int (&) [3], int (*) [4])": "_Z2a9RA3_iPA4_i",
    "a10(std::pmr::memory_resource*)": "_Z3a10PNSt3pmr15memory_resourceE",
    "a11()": "_Z3a11v",
}


@pytest.mark.parametrize(("name", "symbol"), _MANGLED.items())
def test_symbol(name, symbol):
    """R1: a readable C++ name is the symbol that the compiler gives it."""
    assert cxx_symbols(name) == [symbol]


@pytest.mark.parametrize(
    ("name", "symbols"),
    [
        ("ns::f", ["_ZN2ns1fE*", "_ZNK2ns1fE*"]),
        ("ns::pool::get", ["_ZN2ns4pool3getE*", "_ZNK2ns4pool3getE*"]),
        ("std::extra", ["_ZSt5extra*"]),
        ("operator new", ["_Znw*"]),
        ("operator new[]", ["_Zna*"]),
        ("operator delete", ["_Zdl*"]),
        ("operator delete[]", ["_Zda*"]),
        ("S::operator new", ["_ZN1SnwE*"]),
        ("S::operator delete", ["_ZN1SdlE*"]),
    ],
)
def test_overloads(name, symbols):
    """R1: a name without parameters stands for all overloads, const or not."""
    assert cxx_symbols(name) == symbols


def test_as_symbols():
    """R1: the signature keeps its letters and what people wrote."""
    written = parse_signature("ns::f(pZ)p->ns::g")
    found = as_symbols(written, "p.toml:3")
    assert [(s.name, s.letters, s.undoes, str(s)) for s in found] == [
        (symbol, "(pZ)p", "ns::g", "ns::f(pZ)p->ns::g") for symbol in ("_ZN2ns1fE*", "_ZNK2ns1fE*")
    ]
    plain = parse_signature("malloc(Z)p")
    assert as_symbols(plain, "p.toml:3") == [plain]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("a::b<int>::f()", "templates have no name to mangle; write the symbol, or a glob"),
        ("a<b", "templates have no name to mangle"),
        ("pool::pool(int)", "no C++ function: constructor cannot have a return type; write it as c++filt does"),
        ("x::f(int); } int g(){", "no C++ function: "),
        ("f(what is now)", "no C++ function: "),
        ("f(int) &", "no C++ function: "),
        ("::f", "no C++ function: "),
        ("f(std::vector<int>)", "no C++ function: "),
        ("f(int" + "*" * 100_000 + ")", "a name of 100006 characters is no name; write the symbol"),
        ("a::" * 100_000, "is no name"),
    ],
)
def test_not_a_name(name, what):
    """R1: one clear message with the place, and none of libclang's crashes, which would take the build along."""
    with pytest.raises(ConfigError) as caught:
        cxx_symbols(name, "p.toml:3")
    message = str(caught.value)
    assert message.startswith("p.toml:3: ")
    assert what in message
    assert len(message) < 300


def test_without_libclang(monkeypatch):
    """R1: a project without C++ names needs no libclang; with them the message says what to do."""
    for name in ("allocscc.libclang", "clang"):
        monkeypatch.setitem(sys.modules, name, None)
    assert as_symbols(parse_signature("malloc(Z)p"), "")
    with pytest.raises(ConfigError, match=r"^p\.toml:3: ns::f: a C\+\+ name needs libclang .* install it or write the"):
        cxx_symbols("ns::f", "p.toml:3")


@settings(max_examples=150)
@given(st.text(max_size=12) | st.text(st.sampled_from('ab:::()<>*&~, intoperator new#"\\{};'), max_size=20))
def test_any_text(name):
    """R1: any text is a function or an error of ours."""
    with nothing_but(ConfigError, "p.toml:3: "):
        assert all(cxx_symbols(name, "p.toml:3"))
