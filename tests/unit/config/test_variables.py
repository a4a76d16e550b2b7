"""The traditional variables: `allocscc.config.variables`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.config.load import merge_layers, validate
from allocscc.config.model import ANY_PARENT, Config, Override
from allocscc.config.read import read_text
from allocscc.config.variables import ALLOC, FREE, OVERRIDE, SIZED, SUBALLOC, SUBFREE, VARIABLES, from_variables
from allocscc.config.write import to_toml
from allocscc.errors import ConfigError, SignatureError
from tests.unit.config.strategies import ARGUMENTS, PRINTABLE, SYMBOLS

_GAPS = st.text(st.sampled_from(" \t\n\r\v\f"), min_size=1, max_size=4)
# Few functions, so that variables name the same ones; some of any name.
_FUNCTIONS = st.sampled_from(["f", "p_get", "p_put", "p_zget", "u.c::f"])
_LETTERS = ARGUMENTS.map("".join)
_ALLOCATES = st.tuples(_FUNCTIONS, _LETTERS, st.sampled_from(["p", ""])).map(lambda p: f"{p[0]}({p[1]}){p[2]}")
_ENTRIES = st.tuples(_FUNCTIONS, _LETTERS).map(lambda p: f"{p[0]}({p[1]})p")
_FREES = st.tuples(_FUNCTIONS, _LETTERS).map(lambda p: f"{p[0]}(P{p[1]})")
_UNDOES = st.tuples(_FREES, _FUNCTIONS).map("->".join)
_WORD = PRINTABLE.filter(lambda text: "," not in text)
_OVERRIDES = st.tuples(_WORD, _WORD, _WORD | st.just(""), _WORD).map(",".join)
_WORDS = {ALLOC: _ALLOCATES, FREE: _FREES | _UNDOES, SIZED: _ALLOCATES, SUBALLOC: _ENTRIES, SUBFREE: _UNDOES,
          OVERRIDE: _OVERRIDES}  # fmt: skip
_VALUES = st.fixed_dictionaries({name: st.lists(word, max_size=4) for name, word in _WORDS.items()})
_ODD_VALUES = st.lists(SYMBOLS, unique=True).map(lambda names: {ALLOC: [f"{name}(Z)p" for name in names]})


def environment(values):
    return {name: " ".join(words) for name, words in values.items()}


def signatures(found):
    return [str(signature) for signature in found]


@given(_VALUES | _ODD_VALUES)
def test_from_env_gives_the_same_model(values):
    """R17: variables and their TOML are the same entries, also where variables contradict each other."""
    config = from_variables(environment(values))
    assert read_text("p.toml", to_toml(config)).entries == config.entries


@given(_VALUES | _ODD_VALUES, st.data())
def test_any_white_space_separates(values, data):
    """R17: several spaces, tabs and newlines between entries, in front and behind."""
    spaced = {
        name: "".join(data.draw(_GAPS) + word for word in words) + data.draw(_GAPS) for name, words in values.items()
    }
    config = from_variables(spaced)
    assert config == from_variables(environment(values))
    assert list(config.entries) == list(from_variables(environment(values)).entries)


@given(st.dictionaries(st.sampled_from(VARIABLES), st.text(max_size=20) | st.text(st.sampled_from("f(Zz)pP->g, \x1b"))))
def test_any_text(env):
    """R17: whatever a variable holds, the error is ours, names the variable and is safe to print."""
    message = ""
    try:
        assert isinstance(from_variables(env), Config)
    except ConfigError as error:
        message = str(error)
    assert not message or message.startswith("variable LIBALLOCS_")
    assert all(char.isprintable() or char == "\n" for char in message)


def test_wrappers():
    """R17: ALLOC_FNS and FREE_FNS are one wrapper entry."""
    config = from_variables({ALLOC: "xmalloc(Z)p\txcalloc(zZ)p\n\n xrealloc(pZ)p", FREE: " xfree(P) xfree2(P)\n"})
    (found,) = config.wrappers.values()
    assert signatures(found.alloc) == ["xmalloc(Z)p", "xcalloc(zZ)p", "xrealloc(pZ)p"]
    assert signatures(found.free) == ["xfree(P)", "xfree2(P)"]
    assert found.origin == f"variable {ALLOC}"
    assert config.origins == (ALLOC, FREE)


def test_free_functions_alone_are_kept():
    """R17: each variable keeps its meaning, also when the others are not set."""
    (found,) = from_variables({FREE: "xfree(P)"}).wrappers.values()
    assert (signatures(found.free), found.origin) == (["xfree(P)"], f"variable {FREE}")


def test_sized():
    """R17: functions that only carry the size."""
    config = from_variables({SIZED: "ckd_calloc_2d(iiIpi)p ckd_calloc_3d(iiiIpi)p"})
    assert {name: str(sized.signature) for name, sized in config.sized.items()} == {
        "ckd_calloc_2d": "ckd_calloc_2d(iiIpi)p", "ckd_calloc_3d": "ckd_calloc_3d(iiiIpi)p",
    }  # fmt: skip
    assert config.sized["ckd_calloc_2d"].origin == f"variable {SIZED}"


@pytest.mark.parametrize(
    ("alloc", "free", "families"),
    [
        ("get(Z)p", "put(P)->get", {"get": (["get(Z)p"], ["put(P)->get"])}),
        ("get(Z)p", "put(P)", {"get": (["get(Z)p"], ["put(P)"])}),
        ("get(Z)p", "", {"get": (["get(Z)p"], [])}),
        (
            "g_slice_alloc0(Z)p g_slice_alloc(Z)p",
            "g_slice_free1(zP)->g_slice_alloc",
            {"g_slice_alloc": (["g_slice_alloc(Z)p", "g_slice_alloc0(Z)p"], ["g_slice_free1(zP)->g_slice_alloc"])},
        ),
        (
            "g_slice_alloc(Z)p pool_get(p)p",
            "g_slice_free1(zP)->g_slice_alloc pool_put(P)->pool_get",
            {
                "g_slice_alloc": (["g_slice_alloc(Z)p"], ["g_slice_free1(zP)->g_slice_alloc"]),
                "pool_get": (["pool_get(p)p"], ["pool_put(P)->pool_get"]),
            },
        ),
        (
            "a(Z)p b(Z)p c(Z)p",
            "put(P)->a put(P)->b",
            {"a": (["a(Z)p", "b(Z)p"], ["put(P)->b"]), "c": (["c(Z)p"], [])},
        ),
        (
            "a(Z)p b(Z)p c(Z)p",
            "put(P)->a other(P)->c put(P)->b other(P)->b",
            {"a": (["a(Z)p", "b(Z)p", "c(Z)p"], ["put(P)->b", "other(P)->c"])},
        ),
        (
            "pool_get(Z)p re(pZ)p",
            "pool_put(P)->pool_get re(pZ)p->pool_get",
            {"pool_get": (["pool_get(Z)p"], ["pool_put(P)->pool_get"], ["re(pZ)p"])},
        ),
        (
            "a(Z)p c(Z)p b(Z)p",
            "put(P)->a o(P)->c put(P)->b",
            {"a": (["a(Z)p", "b(Z)p"], ["put(P)->b"]), "c": (["c(Z)p"], ["o(P)->c"])},
        ),
        (
            "g_slice_alloc(Z)p pool_get(Z)p",
            "g_slice_free1(zP)->g_slice_alloc",
            {
                "g_slice_alloc": (["g_slice_alloc(Z)p"], ["g_slice_free1(zP)->g_slice_alloc"]),
                "pool_get": (["pool_get(Z)p"], []),
            },
        ),
        (
            "p_a(Z)p p_b(Z)p",
            "x(P)->p_a y(P)->p_b",
            {"p_a": (["p_a(Z)p"], ["x(P)->p_a"]), "p_b": (["p_b(Z)p"], ["y(P)->p_b"])},
        ),
        ("p_a(Z)p p_b(Z)p", "", {"p_a": (["p_a(Z)p"], []), "p_b": (["p_b(Z)p"], [])}),
        ("get(Z)p re(Z)p", "put(P)->get re(P)->get", {"get": (["get(Z)p", "re(Z)p"], ["put(P)->get", "re(P)->get"])}),
        ("re(pZ)p", "re(pZ)p->re", {"re": (["re(pZ)p"], ["re(pZ)p->re"])}),
        ("one(Z)p two(Z)p", "", {"one": (["one(Z)p"], []), "two": (["two(Z)p"], [])}),
    ],
)
def test_suballocators(alloc, free, families):
    """R17: entry points that the same functions undo, or that share the words of their names, are one family."""
    config = from_variables({SUBALLOC: alloc, SUBFREE: free})
    found = {
        name: (signatures(a.alloc), signatures(a.free), signatures(a.resize)) for name, a in config.allocators.items()
    }
    assert list(found.items()) == [(name, (*lists, [])[:3]) for name, lists in families.items()]
    assert {a.suballocates for a in config.allocators.values()} == {ANY_PARENT}
    assert {a.origin for a in config.allocators.values()} == {f"variable {SUBALLOC}"}
    assert config.warnings == ()
    validate(merge_layers([config]))


def test_free_of_nothing_known():
    """R17: builds set SUBFREE_FNS for more than they use; what fits is kept, the rest is told."""
    config = from_variables({SUBALLOC: "get(Z)p", SUBFREE: "put(P)->get other(P)->nothing"})
    assert signatures(config.allocators["get"].free) == ["put(P)->get"]
    (warning,) = config.warnings
    assert warning.startswith(f"variable {SUBFREE}: other(P)->nothing undoes nothing, which {SUBALLOC} does not name")


@pytest.mark.parametrize(
    ("values", "loser", "winner"),
    [
        ({ALLOC: "f(Z)p g(Z)p", SIZED: "f(Z)p"}, ALLOC, SIZED),
        ({ALLOC: "f(Z)p g(Z)p", SUBALLOC: "f(Z)p"}, ALLOC, SUBALLOC),
        ({SIZED: "f(Z)p g(Z)p", SUBALLOC: "f(Z)p"}, SIZED, SUBALLOC),
        ({ALLOC: "f(PZ)p g(Z)p", SUBALLOC: "get(Z)p", SUBFREE: "f(PZ)p->get"}, ALLOC, SUBFREE),
    ],
)
def test_contradictions(values, loser, winner):
    """R17: a function has one role; which variable wins is told."""
    config = from_variables(values)
    (warning,) = config.warnings
    assert warning.startswith(f"variable {loser}: f(")
    assert warning.endswith(f"is left out: {winner} names that function, too")
    names = [s.name for entry in (*config.wrappers.values(), *config.allocators.values()) for s in entry.alloc]
    assert sorted([*names, *config.sized]).count("g") == 1


def test_last_word_counts():
    """R17: builds append to the variables."""
    config = from_variables({ALLOC: "f(Z)p g(Z)p f(zZ)p", FREE: "x(P)->f x(zP)->g", OVERRIDE: "f,g,,a f,g,,b"})
    (found,) = config.wrappers.values()
    assert signatures(found.alloc) == ["g(Z)p", "f(zZ)p"]
    assert signatures(found.free) == ["x(zP)->g"]
    assert [override.type for override in config.overrides] == ["b"]


def test_overrides():
    """R17: calls of the second function inside the first allocate the fourth, though they say the third."""
    config = from_variables({OVERRIDE: "S_more_sv,Perl_safesysmalloc,char,sv\nf,g,,node"})
    assert config.overrides == (
        Override("S_more_sv,Perl_safesysmalloc,char", "S_more_sv", "Perl_safesysmalloc", "char", "sv"),
        Override("f,g,", "f", "g", "", "node"),
    )
    assert {override.origin for override in config.overrides} == {f"variable {OVERRIDE}"}


@pytest.mark.parametrize("value", ["", " \n\t"])
def test_empty_variables_say_nothing(value):
    """R17: a variable that is set but empty is no layer."""
    assert from_variables(dict.fromkeys(VARIABLES, value)) == Config(on_error="", sidecar_file="")
    assert from_variables({}) == Config(on_error="", sidecar_file="")


@pytest.mark.parametrize(
    ("variable", "value", "kind", "what"),
    [
        (ALLOC, "xmalloc(Z)p x(q)p", SignatureError, "bad signature, expected one of"),
        (SUBFREE, "f(q)", SignatureError, "column 3"),
        (SIZED, "f", SignatureError, "'name(args)ret'"),
        (ALLOC, "pool::get(int)(i)p", ConfigError, "pool::get(int)(i)p: C++ names need a config file"),
        (FREE, "xfree(z)", ConfigError, "xfree(z) names no chunk; write P"),
        (SUBFREE, "put()->get", ConfigError, "put()->get names no chunk; write P"),
        (SUBFREE, "put(P)", ConfigError, "put(P) does not say which function it undoes; write put(P)->FUNCTION"),
        (OVERRIDE, "f,g,h", ConfigError, "'f,g,h' must be FUNCTION,CALLEE,TYPE-IT-SAYS,TYPE-IT-IS"),
        (OVERRIDE, "f,g,h,", ConfigError, "must be FUNCTION,CALLEE"),
        (OVERRIDE, "f,,h,t", ConfigError, "must be FUNCTION,CALLEE"),
        (OVERRIDE, ",g,h,t", ConfigError, "must be FUNCTION,CALLEE"),
        (OVERRIDE, "f,g,h,t,u", ConfigError, "must be FUNCTION,CALLEE"),
        (OVERRIDE, "f,g,h,\x1b[31m", ConfigError, "'f,g,h,\\x1b[31m' must be"),
        (ALLOC, "\x1b[31mf(Z)p", SignatureError, "?[31mf(Z)p"),
        (ALLOC, "\udcfff(Z)p", SignatureError, "?f(Z)p"),
    ],
)
def test_bad_variable(variable, value, kind, what):
    """R17: one clear message that names the variable; control characters do not reach the terminal."""
    with pytest.raises(kind) as caught:
        from_variables({variable: value})
    message = str(caught.value)
    assert message.startswith(f"variable {variable}: ")
    assert what in message
    assert all(char.isprintable() or char == "\n" for char in message)


def test_two_entry_points_need_arrows():
    """R17: with one suballocator a free says enough; with two it must name its own."""
    with pytest.raises(ConfigError, match="does not say which function it undoes"):
        from_variables({SUBALLOC: "a_get(Z)p b_get(Z)p", SUBFREE: "put(P)"})


@pytest.mark.parametrize("word", ["f(Z)", "f(pZ)i"])
def test_an_entry_point_without_a_chunk(word):
    """R17: nobody could index what nobody tells."""
    with pytest.raises(ConfigError) as caught:
        from_variables({SUBALLOC: word})
    assert str(caught.value) == (
        f"variable {SUBALLOC}: {word} gives no chunk; it must return a pointer (p), or store it (P*)"
    )
