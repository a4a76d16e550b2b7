"""Config layers: `allocscc.config.load`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocscc.config.load import ANY_PARENT, from_variables, load_config, merge
from allocscc.config.model import Allocator, Config, Wrapper
from allocscc.config.signature import parse_signature
from allocscc.errors import ConfigError, SignatureError


@pytest.fixture
def layers(tmp_path):
    """Writes layers below a private home; `load` reads them all."""
    return Layers(tmp_path)


class Layers:
    def __init__(self, folder):
        self.user = folder / "xdg" / "allocscc.toml"
        self.project = folder / "project" / "allocscc.toml"
        self.extra = folder / "extra.toml"
        self.other = folder / "other.toml"
        self.env = {
            "HOME": str(folder / "home"),
            "XDG_CONFIG_HOME": str(folder / "xdg"),
            "ALLOCSCC_CONFIG": "",
        }
        for path in (self.user, self.project):
            path.parent.mkdir()

    def load(self, folder=""):
        return load_config(self.env, str(self.project.parent / folder))

    def fail(self, text, kind=ConfigError):
        """The message for a project file with this text."""
        if isinstance(text, bytes):
            self.project.write_bytes(text)
        else:
            self.project.write_text(text, encoding="utf-8")
        with pytest.raises(kind) as caught:
            self.load()
        return str(caught.value)


def wrapper(name, signature="w(Z)p"):
    return f'[wrapper.{name}]\nalloc = ["{signature}"]\n'


def test_builtin_layer(layers):
    """R1: libc's malloc is a config entry like any other."""
    config = layers.load()
    malloc = config.allocators["malloc"]
    assert malloc.key_symbol == "malloc"
    assert malloc.interpose == "preload"
    assert {s.name for s in malloc.free} == {"free"}
    assert str(malloc.usable_size) == "malloc_usable_size(p)z"
    assert "builtin.toml:" in malloc.origin
    assert "_Znwm" in {s.name for s in config.wrappers["operator new"].alloc}
    assert (config.on_error, config.sidecar_file, config.hooks) == ("warn", "auto", {})
    assert config.origins[0].endswith("config/builtin.toml")


def test_layer_order(layers):
    """R1: user, project, ALLOCSCC_CONFIG in its order, variables; the later entry replaces the earlier one whole."""
    layers.user.write_text(wrapper("a", "user(Z)p") + wrapper("b", "user(Z)p") + wrapper("c", "user(Z)p"))
    layers.project.write_text(wrapper("b", "project(Z)p") + wrapper("c", "project(Z)p"))
    layers.extra.write_text('on-error = "stop"\n' + wrapper("c", "extra(Z)p") + wrapper("d", "extra(Z)p"))
    layers.other.write_text('on-error = "warn"\n' + wrapper("d", "other(Z)p"))
    layers.env["ALLOCSCC_CONFIG"] = f"{layers.extra}:{layers.other}"
    layers.env["LIBALLOCS_ALLOC_FNS"] = "env(Z)p"
    config = layers.load()
    found = {name: w.alloc[0].name for name, w in config.wrappers.items() if "operator" not in name}
    assert found == {
        "a": "user", "b": "project", "c": "extra", "d": "other", "LIBALLOCS_ALLOC_FNS": "env", "strdup": "strdup",
    }  # fmt: skip
    assert config.on_error == "warn"
    assert config.origins[-5:] == (
        str(layers.user), str(layers.project), str(layers.extra), str(layers.other), "LIBALLOCS_ALLOC_FNS",
    )  # fmt: skip


def test_project_file_is_found_upwards(layers):
    """R1: from the working folder upwards."""
    layers.project.write_text(wrapper("up"))
    (layers.project.parent / "src" / "deep").mkdir(parents=True)
    assert layers.load("src/deep").wrappers["up"].origin == f"{layers.project}:1"


def test_entry_replaces_whole(layers):
    """R1: no keys of the weaker entry shine through."""
    layers.project.write_text('[allocator.malloc]\nalloc = ["je_malloc(Z)p"]\n')
    assert layers.load().allocators["malloc"] == Allocator(
        "malloc", (parse_signature("je_malloc(Z)p"),), origin=f"{layers.project}:1"
    )


def test_all_keys(layers):
    """R1: every key of the format arrives."""
    layers.project.write_text(
        'on-error = "stop"\nsized = ["ckd_calloc_2d(iiIpi)p"]\n'
        '[sidecar]\nfile = "never"\n[hooks]\nsites = "hooks.py"\n'
        '[allocator.slab]\nalloc = ["slab_get(Z)p"]\nfree = ["slab_put(P)"]\nusable-size = "slab_size(p)z"\n'
        'suballocates = "malloc"\ninterpose = "preload"\n'
    )
    config = layers.load()
    slab = config.allocators["slab"]
    assert slab == Allocator(
        "slab", (parse_signature("slab_get(Z)p"),), (parse_signature("slab_put(P)"),),
        parse_signature("slab_size(p)z"), "malloc", "preload", f"{layers.project}:7",
    )  # fmt: skip
    assert config.sized == (parse_signature("ckd_calloc_2d(iiIpi)p"),)
    assert config.hooks == {"sites": str(layers.project.parent / "hooks.py")}
    assert (config.on_error, config.sidecar_file) == ("stop", "never")


def test_origin_names_the_right_table(layers):
    """R1: every entry knows its origin, also beside a table whose name contains its own."""
    layers.project.write_text(wrapper("xmalloc") + wrapper("x") + "\n" + wrapper("malloc_x"))
    wrappers = layers.load().wrappers
    assert wrappers["xmalloc"].origin == f"{layers.project}:1"
    assert wrappers["x"].origin == f"{layers.project}:3"
    assert wrappers["malloc_x"].origin == f"{layers.project}:6"


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ('\non-eror = "stop"\n', 2, "unknown key 'on-eror'; did you mean 'on-error'?"),
        ('[wrapper.x]\nalloc = ["x(Z)p"]\nfre = ["y(P)"]\n', 3, "unknown key 'wrapper.x.fre'; did you mean 'free'?"),
        ('[allocator.x]\nalloc = ["x(Z)p"]\nusable_size = ""\n', 3, "did you mean 'usable-size'?"),
        (
            '[allocator.x]\nalloc = ["x(Z)p"]\nzzz = 1\n',
            3,
            "allowed: alloc, free, interpose, suballocates, usable-size",
        ),
        ('[sidecar]\nfiel = "auto"\n', 2, "unknown key 'sidecar.fiel'; did you mean 'file'?"),
        ('[hooks]\nsite = "x.py"\n', 2, "unknown key 'hooks.site'; did you mean 'sites'?"),
        ('# one\n\n[wrappers.x]\nalloc = ["x(Z)p"]\n', 3, "unknown key 'wrappers'; did you mean 'wrapper'?"),
        ("[wrapper.a]\nalloc = ['a(Z)p']\n[wrapper.b]\naloc = []\n", 4, "did you mean 'alloc'?"),
        ("[wrapper.xa]\nalloc = ['a(Z)p']\n[wrapper.a]\nalloc = ['b(Z)p']\nfee = []\n", 5, "did you mean 'free'?"),
    ],
)
def test_unknown_key(layers, text, line, hint):
    """R1: an unknown key is an error with file, line, key and the nearest name."""
    message = layers.fail(text)
    assert hint in message
    assert message.startswith(f"{layers.project}:{line}: ")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('[wrapper.x]\nalloc = "x(Z)p"\n', 2, "wrapper.x.alloc must be a list of signatures"),
        ("[wrapper.x]\nalloc = [1]\n", 2, "wrapper.x.alloc must be a list of signatures"),
        ('[wrapper.x]\nfree = ["y(P)"]\n', 1, "wrapper.x.alloc must list at least one signature"),
        ("[allocator.x]\nalloc = []\n", 1, "allocator.x.alloc must list at least one signature"),
        ("wrapper = 3\n", 1, "wrapper must be a table"),
        ("[wrapper]\nx = 3\n", 2, "wrapper.x must be a table"),
        ("\nhooks = 1\n", 2, "hooks must be a table"),
        ('\nsidecar = "auto"\n', 2, "sidecar must be a table"),
        ("\n[hooks]\nsites = 3\n", 3, "hooks.sites"),
        ('\non-error = "explode"\n', 2, 'allowed: "warn", "stop"'),
        ("\non-error = false\n", 2, 'allowed: "warn", "stop"'),
        ("\non-error = 0\n", 2, 'allowed: "warn", "stop"'),
        ('\n[sidecar]\nfile = ["auto"]\n', 3, 'allowed: "auto", "always", "never"'),
        ("\n[sidecar]\nfile = []\n", 3, 'allowed: "auto", "always", "never"'),
        ('[allocator.x]\nalloc = ["x(Z)p"]\ninterpose = "postload"\n', 3, 'allowed: "preload"'),
        ('[allocator.x]\nalloc = ["x(Z)p"]\nsuballocates = 3\n', 3, "suballocates"),
        ('sized = "x(Z)p"\n', 1, "sized must be a list of signatures"),
    ],
)
def test_wrong_type_or_choice(layers, text, line, what):
    """R1: a value of the wrong kind is an error that says what is allowed."""
    message = layers.fail(text)
    assert what in message
    assert message.startswith(f"{layers.project}:{line}: ")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[wrapper.x]\nalloc = ["x(Z)p"]\nfree = ["y(Q)"]\n', 3),
        ('[allocator.x]\nalloc = ["x(Z"]\n', 2),
        ('[allocator.x]\nalloc = ["x(Z)p"]\nusable-size = "what"\n', 3),
    ],
)
def test_bad_signature_in_a_file(layers, text, line):
    """R1: a bad signature in a file names the file and the line."""
    message = layers.fail(text, SignatureError)
    assert message.startswith(f"{layers.project}:{line}: bad signature")
    assert message.endswith("^")


def test_not_utf8(layers):
    """R1: the line of the first wrong byte is named."""
    message = layers.fail(b'# fine\n[wrapper.x]\nalloc = ["\xff(Z)p"]\n')
    assert message == f"{layers.project}:3: not UTF-8; save the file as UTF-8"


def test_not_toml(layers):
    """R1: TOML's own message, with the file in front."""
    message = layers.fail("[wrapper.x\n")
    assert message.startswith(f"{layers.project}: not TOML: ")
    assert "line 1" in message


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_unreadable(layers, name):
    """R1: a file that was asked for and cannot be read is an error, not silence."""
    layers.env["ALLOCSCC_CONFIG"] = str(layers.extra.parent / name)
    with pytest.raises(ConfigError, match="cannot be read"):
        layers.load()


@pytest.mark.parametrize("gap", [" ", "  ", "\t", "\n", " \n\t "])
def test_variables_are_split_at_white_space(gap):
    """R17: build systems write the variables over several lines."""
    config = from_variables({
        "LIBALLOCS_ALLOC_FNS": gap.join(["", "xmalloc(Z)p", "xcalloc(zZ)p", "xrealloc(pZ)p", ""]),
        "LIBALLOCS_FREE_FNS": gap.join(["xfree(P)", "xfree2(P)"]),
    })  # fmt: skip
    (found,) = config.wrappers.values()
    assert [str(s) for s in found.alloc] == ["xmalloc(Z)p", "xcalloc(zZ)p", "xrealloc(pZ)p"]
    assert [s.name for s in found.free] == ["xfree", "xfree2"]
    assert found.origin == "variable LIBALLOCS_ALLOC_FNS"


def test_variables_for_suballocators():
    """R17: each suballocator entry point with the frees that undo it."""
    config = from_variables({
        "LIBALLOCS_SUBALLOC_FNS": "g_slice_alloc(Z)p pool_get(p)p",
        "LIBALLOCS_SUBFREE_FNS": "g_slice_free1(zP)->g_slice_alloc pool_put(P)->pool_get",
        "LIBALLOCS_ALLOCSZ_FNS": "ckd_calloc_2d(iiIpi)p",
    })  # fmt: skip
    assert {name: [s.name for s in a.free] for name, a in config.allocators.items()} == {
        "g_slice_alloc": ["g_slice_free1"], "pool_get": ["pool_put"],
    }  # fmt: skip
    assert {a.suballocates for a in config.allocators.values()} == {ANY_PARENT}
    assert [s.name for s in config.sized] == ["ckd_calloc_2d"]
    assert set(config.origins) == {"LIBALLOCS_SUBALLOC_FNS", "LIBALLOCS_SUBFREE_FNS", "LIBALLOCS_ALLOCSZ_FNS"}


def test_free_functions_alone_are_kept():
    """R17: each variable keeps its meaning, also when the others are not set."""
    config = from_variables({"LIBALLOCS_FREE_FNS": "xfree(P)"})
    assert [s.name for w in config.wrappers.values() for s in w.free] == ["xfree"]


@pytest.mark.parametrize("value", ["", " \n\t"])
def test_empty_variables_say_nothing(value):
    """R17: a variable that is set but empty is no layer."""
    names = ("ALLOC", "FREE", "SUBALLOC", "SUBFREE", "ALLOCSZ")
    config = from_variables({f"LIBALLOCS_{name}_FNS": value for name in names})
    assert config == Config(on_error="", sidecar_file="")


def test_bad_variable_is_named():
    """R17: the message says which variable."""
    with pytest.raises(SignatureError, match=r"^variable LIBALLOCS_SUBFREE_FNS: .*column 3"):
        from_variables({"LIBALLOCS_SUBFREE_FNS": "f(q)"})


_SIGNATURE = st.sampled_from(["a(Z)p", "b(zZ)p", "c(PZ)p"]).map(parse_signature)
_NAME = st.sampled_from("xyz")
_CONFIGS = st.builds(
    Config,
    st.dictionaries(_NAME, st.builds(Allocator, _NAME, st.tuples(_SIGNATURE))),
    st.dictionaries(_NAME, st.builds(Wrapper, _NAME, st.tuples(_SIGNATURE))),
    st.tuples(_SIGNATURE) | st.just(()),
    st.sampled_from(["", "warn", "stop"]),
    st.sampled_from(["", "auto", "always", "never"]),
    st.dictionaries(st.sampled_from(["sites", "plan"]), _NAME),
    st.tuples(_NAME) | st.just(()),
)


@given(_CONFIGS, _CONFIGS, _CONFIGS)
def test_merge_is_associative(one, two, three):
    """R1: it does not matter which neighbours are merged first."""
    assert merge(merge(one, two), three) == merge(one, merge(two, three))


@given(_CONFIGS, _CONFIGS)
def test_stronger_layer_wins(weak, strong):
    """R1: what the stronger layer says stands; what it does not say stays."""
    merged = merge(weak, strong)
    assert merged.allocators | strong.allocators == merged.allocators
    assert merged.wrappers.keys() == weak.wrappers.keys() | strong.wrappers.keys()
    assert merged.on_error == (strong.on_error or weak.on_error)
    assert merged.sidecar_file == (strong.sidecar_file or weak.sidecar_file)
