"""Config layers, read and merged: `allocscc.config.load`."""

import os

import pytest

from allocscc.config.load import load_config, load_layers, merge_layers, pack_names, validate
from allocscc.config.model import ANY_PARENT, Allocator, Config
from allocscc.config.read import read_text
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

    def fail(self, text="", kind=ConfigError):
        """The message for a project file with this text."""
        if text:
            self.project.write_text(text, encoding="utf-8")
        with pytest.raises(kind) as caught:
            self.load()
        return str(caught.value)

    def own(self):
        """Entries that are not of the builtin layer, by key."""
        found = self.load().entries
        return {key: entry for key, entry in found.items() if "builtin.toml" not in entry.origin}


def wrapper(name, signature=""):
    return f'[wrapper.{name}]\nalloc = ["{signature or name + "(Z)p"}"]\n'


def family(name, parent=""):
    return f'[allocator.{name}]\nalloc = ["{name}_get(Z)p"]\nsuballocates = "{parent}"\n'


def first_functions(entries):
    return {key: entry.alloc[0].name for key, entry in entries.items()}


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
    assert (config.on_error, config.sidecar_file, config.hooks, config.warnings) == ("warn", "auto", {}, ())
    assert config.origins[0].endswith("config/builtin.toml")


def test_layer_order(layers):
    """R1: user, project, ALLOCSCC_CONFIG in its order, variables; the later entry replaces the earlier one whole."""
    layers.user.write_text(wrapper("a", "ua(Z)p") + wrapper("b", "ub(Z)p") + wrapper("c", "uc(Z)p"))
    layers.project.write_text(wrapper("b", "pb(Z)p") + wrapper("c", "pc(Z)p"))
    layers.extra.write_text('on-error = "stop"\n' + wrapper("c", "ec(Z)p") + wrapper("d", "ed(Z)p"))
    layers.other.write_text('on-error = "warn"\n' + wrapper("d", "od(Z)p"))
    layers.env["ALLOCSCC_CONFIG"] = f"{layers.extra}:{layers.other}"
    layers.env["LIBALLOCS_ALLOC_FNS"] = "env(Z)p"
    own, config = layers.own(), layers.load()
    assert first_functions(own) == {
        "wrapper.a": "ua", "wrapper.b": "pb", "wrapper.c": "ec", "wrapper.d": "od",
        "wrapper.LIBALLOCS_ALLOC_FNS": "env",
    }  # fmt: skip
    assert list(own) == ["wrapper.a", "wrapper.b", "wrapper.c", "wrapper.d", "wrapper.LIBALLOCS_ALLOC_FNS"]
    assert [entry.origin.rpartition("/")[2] for entry in own.values()] == [
        "allocscc.toml:1", "allocscc.toml:1", "extra.toml:2", "other.toml:2", "variable LIBALLOCS_ALLOC_FNS",
    ]  # fmt: skip
    assert config.on_error == "warn"
    assert config.origins[-5:] == (
        str(layers.user), str(layers.project), str(layers.extra), str(layers.other), "LIBALLOCS_ALLOC_FNS",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("file", "variable", "expected"),
    [
        ("", "", ""),
        ("unwind", "", "unwind"),
        ("", "unwind", "unwind"),
        ("unwind", "stubs", "stubs"),
        ("stubs", "unwind", "unwind"),
    ],
)
def test_observe(layers, file, variable, expected):
    """R1, R16: the key, and above all files the variable; which of them spoke can be seen."""
    layers.project.write_text(f'observe = "{file}"\n' if file else "")
    layers.env["ALLOCSCC_OBSERVE"] = variable
    config = layers.load()
    assert config.observe == expected
    assert config.origins[-1] == ("variable ALLOCSCC_OBSERVE" if variable else str(layers.project))


@pytest.mark.parametrize("word", ["Unwind", "frames", " ", "unwind,"])
def test_a_wrong_word_in_the_variable(layers, word):
    """R1: it is not passed over in silence."""
    layers.env["ALLOCSCC_OBSERVE"] = word
    assert layers.fail() == f'variable ALLOCSCC_OBSERVE: {word!r}; allowed: "stubs", "unwind"'


def test_project_file_is_found_upwards(layers):
    """R1: from the working folder upwards."""
    layers.project.write_text(wrapper("up"))
    (layers.project.parent / "src" / "deep").mkdir(parents=True)
    assert layers.load("src/deep").wrappers["up"].origin == f"{layers.project}:1"


def test_files_of_the_variable_are_relative_to_the_working_folder(layers):
    """R1: as a shell would take them."""
    (layers.project.parent / "here.toml").write_text(wrapper("here"))
    layers.env["ALLOCSCC_CONFIG"] = ":here.toml::"
    assert "here" in layers.load().wrappers


def test_entry_replaces_whole(layers):
    """R1: no keys of the weaker entry shine through."""
    layers.project.write_text('[allocator.malloc]\nalloc = ["je_malloc(Z)p"]\n')
    assert layers.load().allocators["malloc"] == Allocator("malloc", (parse_signature("je_malloc(Z)p"),))


def test_remove_and_disable(layers):
    """R1: an inherited entry, or one function of it, can be taken out or switched off."""
    layers.project.write_text('remove = ["wrapper.strdup", "valloc", "_ZnwmSt11align_val_t"]\n'
                              '[wrapper."operator new[]"]\ndisable = true\n')  # fmt: skip
    config = layers.load()
    assert "operator new" in config.wrappers
    assert not {"strdup", "operator new[]"} & config.wrappers.keys()
    assert "_ZnwmSt11align_val_t" not in {s.name for s in config.wrappers["operator new"].alloc}
    names = [s.name for s in config.allocators["malloc"].alloc]
    assert "valloc" not in names
    assert "pvalloc" in names


def test_layers_of_one_load_are_what_is_merged(layers):
    """R1: the layers that `check` and `explain` look through are those that a build merges."""
    layers.project.write_text('use = ["./more.toml"]\n' + wrapper("x"))
    (layers.project.parent / "more.toml").write_text(wrapper("y"))
    found = load_layers(layers.env, str(layers.project.parent))
    assert merge_layers(found) == layers.load()
    assert [layer.origins[0].rpartition("/")[2] for layer in found] == ["builtin.toml", "more.toml", "allocscc.toml"]


def test_no_layers():
    """R1: what holds where nothing is said."""
    assert merge_layers([]) == Config(on_error="warn", sidecar_file="auto")


# Packs and files that others use


@pytest.mark.parametrize("name", pack_names())
def test_pack(layers, name):
    """R1: every pack that comes with allocscc is valid, and brings something."""
    layers.project.write_text(f'use = ["{name}"]\n')
    own = layers.own()
    assert own
    assert any(f"/{name}.toml:" in entry.origin for entry in own.values())


def test_all_packs_together(layers):
    """R1: packs do not get into each other's way."""
    assert "builtin" not in pack_names()
    layers.project.write_text(f"use = {pack_names()!r}\n")
    config = layers.load()
    assert len(config.origins) >= len(pack_names()) + 2
    assert config.warnings == ()


def test_packs_lie_below_every_file(layers, monkeypatch, tmp_path):
    """R1: also below the user's file, whoever asks for them; each once, those that a pack uses below it."""
    make_packs(tmp_path, monkeypatch, one='use = ["two"]\n' + wrapper("a", "one(Z)p"),
               two=wrapper("a", "two(Z)p") + wrapper("b", "two_b(Z)p"))  # fmt: skip
    layers.user.write_text('use = ["two"]\n' + wrapper("b", "user_b(Z)p"))
    layers.project.write_text('use = ["one", "two"]\n')
    assert first_functions(layers.own()) == {"wrapper.a": "one", "wrapper.b": "user_b"}
    assert [name.rpartition("/")[2] for name in layers.load().origins] == [
        "builtin.toml", "two.toml", "one.toml", "allocscc.toml", "allocscc.toml",
    ]  # fmt: skip


def make_packs(folder, monkeypatch, **texts):
    """A data folder with these packs; the builtin layer is empty."""
    packs = folder / "packs"
    packs.mkdir()
    for name, text in {"builtin": "", **texts}.items():
        (packs / f"{name}.toml").write_text(text)
    monkeypatch.setattr("allocscc.config.load.data_folder", lambda _: str(packs))


def test_used_files_lie_right_below(layers):
    """R1: a file that another one uses is the weaker one of them; its name is relative to the one that uses it."""
    (layers.project.parent / "sub").mkdir()
    (layers.project.parent / "sub" / "a.toml").write_text('use = ["./b.toml"]\n' + wrapper("x", "a_x(Z)p"))
    (layers.project.parent / "sub" / "b.toml").write_text(wrapper("x", "b_x(Z)p") + wrapper("y", "b_y(Z)p"))
    layers.user.write_text(wrapper("y", "user_y(Z)p") + wrapper("z"))
    layers.project.write_text('use = ["sub/a.toml"]\n' + wrapper("w"))
    assert first_functions(layers.own()) == {"wrapper.z": "z", "wrapper.x": "a_x", "wrapper.y": "b_y", "wrapper.w": "w"}


@pytest.mark.parametrize(
    ("use", "what"),
    [
        ("libub", "there is no pack 'libub'; did you mean 'libuv'?"),
        ("zzzzzz", "there is no pack 'zzzzzz'; allowed: "),
        ("builtin", "there is no pack 'builtin'; "),
        ("", "there is no pack ''; "),
        ("..", "there is no pack '..'; "),
    ],
)
def test_missing_pack(layers, use, what):
    """R1: the message has the place and the nearest name."""
    message = layers.fail(f'\nuse = [\n"libuv",\n"{use}"]\n')
    assert message.startswith(f"{layers.project}:4: {what}")


@pytest.mark.parametrize("use", ["./missing.toml", "sub/missing.toml", "missing.toml", "./"])
def test_missing_used_file(layers, use):
    """R1: a file is what has a slash in its name, or ends like one."""
    assert "cannot be read: " in layers.fail(f'use = ["{use}"]\n')


@pytest.mark.parametrize(
    ("files", "circle"),
    [
        ({"allocscc.toml": "./allocscc.toml"}, "allocscc.toml → allocscc.toml"),
        ({"allocscc.toml": "a.toml", "a.toml": "./allocscc.toml"}, "allocscc.toml → a.toml → allocscc.toml"),
        ({"allocscc.toml": "a.toml", "a.toml": "b.toml", "b.toml": "../project/a.toml"}, "a.toml → b.toml → a.toml"),
        ({"allocscc.toml": "loop/allocscc.toml"}, "allocscc.toml → allocscc.toml"),
    ],
)
def test_circle_of_files(layers, files, circle):
    """R1: files that use each other are told, with the whole circle, also where links hide it."""
    (layers.project.parent / "loop").symlink_to(".")
    for name, used in files.items():
        (layers.project.parent / name).write_text(f'use = ["{used}"]\n')
    message = layers.fail()
    assert message.endswith(f":1: use goes round in a circle: {circle}")


def test_circle_of_packs(layers, monkeypatch, tmp_path):
    """R1: so are packs."""
    make_packs(tmp_path, monkeypatch, one='use = ["two"]\n', two='use = ["one"]\n')
    assert layers.fail('use = ["one"]\n').endswith(
        "two.toml:1: use goes round in a circle: one.toml → two.toml → one.toml"
    )


# Whose files count


@pytest.fixture
def owned_by(monkeypatch):
    """`owned_by(path, uid)`: let a file or folder seem to be another user's; we are user 1000."""
    owners = {}
    real = os.stat

    def stat(path, *arguments, **options):
        found = real(path, *arguments, **options)
        uid = owners.get(str(path), found.st_uid)
        return os.stat_result((*found[:4], uid, *found[5:]))

    monkeypatch.setattr(os, "stat", stat)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return lambda path, uid: owners.update({str(path): uid})


@pytest.mark.parametrize(("file", "folder"), [(1000, 1001), (0, 1000), (1001, 1001), (1000, 0)])
def test_file_of_somebody_that_may_say(layers, owned_by, file, folder):
    """R2: ours, root's, or of who owns the folder that is built in."""
    layers.project.write_text(wrapper("x"))
    owned_by(layers.project, file)
    owned_by(layers.project.parent, folder)
    assert "x" in layers.load().wrappers


def test_file_of_another_user(layers, owned_by):
    """R2: a config can name code to run; one that was only found in a folder for everybody is not believed."""
    layers.project.write_text(wrapper("x"))
    (layers.project.parent / "mine").mkdir()
    owned_by(layers.project, 1001)
    owned_by(layers.project.parent / "mine", 1000)
    with pytest.raises(
        ConfigError, match=r"allocscc\.toml: found upwards from .*/mine, but it is another user's \(uid 1001"
    ):
        layers.load("mine")
    layers.env["ALLOCSCC_CONFIG"] = str(layers.project)
    assert "x" in layers.load("mine").wrappers


def test_user_s_own_place_is_trusted(layers, owned_by):
    """R2: what lies in the user's config folder was put there for this user, whoever owns it."""
    layers.user.write_text(wrapper("x"))
    owned_by(layers.user, 1001)
    assert "x" in layers.load().wrappers


# What only the whole can tell


def config(*texts):
    return read_text("p.toml", "".join(texts))


@pytest.mark.parametrize(
    "texts",
    [
        (family("a"),),
        (family("a"), family("b", "a"), family("c", "b"), family("d", "a")),
        (family("a", ANY_PARENT),),
        ('[allocator.a]\nalloc = ["f(Z)p"]\nsuballocates = "nobody"\ndisable = true\n',),
    ],
)
def test_valid_parents(texts):
    """R1: a tree of families; what is off need not have a parent."""
    validate(config(*texts))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ((family("slab"), family("b", "slap")), "p.toml:4: allocator.b.suballocates: there is no allocator 'slap'; "
         "did you mean 'slab'?"),
        ((family("a"), family("b", "zzz")), "p.toml:4: allocator.b.suballocates: there is no allocator 'zzz'; "
         "allowed: a, b"),
        ((family("a", "a"),), "p.toml:1: allocator.a.suballocates: goes round in a circle: a → a"),
        ((family("a", "b"), family("b", "a")), "p.toml:4: allocator.b.suballocates: goes round in a circle: a → b → a"),
        ((family("d", "a"), family("a", "b"), family("b", "c"), family("c", "a")),
         "p.toml:10: allocator.c.suballocates: goes round in a circle: a → b → c → a"),
    ],
)  # fmt: skip
def test_wrong_parents(texts, message):
    """R1: a parent that nobody describes, or families that carve up each other, with file and line."""
    with pytest.raises(ConfigError) as caught:
        validate(config(*texts))
    assert str(caught.value) == message


def test_parent_that_was_removed(layers):
    """R1: the whole is checked, not each file."""
    layers.extra.write_text('remove = ["allocator.a"]\n')
    layers.env["ALLOCSCC_CONFIG"] = str(layers.extra)
    assert "there is no allocator 'a'" in layers.fail(family("a") + family("b", "a"))


def test_parent_in_a_stronger_layer(layers):
    """R1: a file of the project need not stand alone."""
    layers.project.write_text(family("b", "a"))
    layers.extra.write_text(family("a"))
    layers.env["ALLOCSCC_CONFIG"] = str(layers.extra)
    assert layers.load().allocators["b"].suballocates == "a"


def test_circle_through_layers(layers):
    """R1: each file is right, together they are not."""
    layers.extra.write_text(family("malloc", "slab"))
    layers.env["ALLOCSCC_CONFIG"] = str(layers.extra)
    assert layers.fail(family("slab", "malloc")).endswith("goes round in a circle: slab → malloc → slab")


# A wrong file that is not the project's warns, a wrong one of the project stops


_WRONG = {
    "key": "on-eror = 1\n",
    "toml": "[x\n",
    "signature": wrapper("x", "x(Q)p"),
    "pack": 'use = ["no such pack"]\n',
    "file": 'use = ["./missing.toml"]\n',
    "circle of files": 'use = ["./allocscc.toml"]\n',
    "parent": family("a", "nobody"),
    "circle": family("a", "b") + family("b", "a"),
    "twice": wrapper("x", "f(Z)p") + wrapper("y", "f(Z)p"),
}


@pytest.mark.parametrize("text", _WRONG.values(), ids=_WRONG)
def test_wrong_user_file_warns(layers, text):
    """R1: a mistake in the user's own file does not stop a project's build: the file is left out as a whole."""
    builtin = layers.load().entries.keys()
    layers.user.write_text(text + wrapper("good"))
    layers.project.write_text(wrapper("mine"))
    found = layers.load()
    assert "mine" in found.wrappers
    assert found.entries.keys() - builtin == {"wrapper.mine"}
    (warning,) = found.warnings
    assert warning.startswith(str(layers.user.parent))
    assert warning.endswith("\n  this file is not the project's, so it is left out")
    assert str(layers.user) not in found.origins


@pytest.mark.parametrize("text", _WRONG.values(), ids=_WRONG)
@pytest.mark.parametrize("where", ["project", "extra"])
def test_wrong_project_file_stops(layers, text, where):
    """R1: a silently ignored config is worse than a stopped build."""
    getattr(layers, where).write_text(text.replace("allocscc.toml", getattr(layers, where).name))
    layers.env["ALLOCSCC_CONFIG"] = str(layers.extra) if where == "extra" else ""
    message = layers.fail(kind=SignatureError if "Q" in text else ConfigError)
    assert message.startswith(str(getattr(layers, where).parent))


@pytest.mark.parametrize("kind", ["folder", "dangling", "fifo", "loop"])
def test_unreadable_files(layers, kind):
    """R1: what is no file warns in the user's place and stops in the project's; nothing waits."""
    for path, personal in ((layers.user, True), (layers.project, False)):
        if kind == "folder":
            path.mkdir()
        elif kind == "fifo":
            os.mkfifo(path)
        else:
            path.symlink_to(path if kind == "loop" else "nowhere")
        if personal:
            (warning,) = layers.load().warnings
            assert warning.startswith(f"{path}: cannot be read: ")
        else:
            assert layers.fail().startswith(f"{path}: cannot be read: ")


def test_packs_of_a_wrong_user_file_are_left_out(layers):
    """R1: a file that is left out leaves nothing behind."""
    layers.user.write_text('use = ["libuv"]\n' + family("a", "nobody"))
    assert not [origin for origin in layers.load().origins if origin.endswith("libuv.toml")]


def test_missing_file_of_the_variable(layers):
    """R1: a file that was asked for and is not there is an error."""
    layers.env["ALLOCSCC_CONFIG"] = "missing.toml"
    assert layers.fail() == f"{layers.project.parent}/missing.toml: cannot be read: No such file or directory"


def test_wrong_variable_stops(layers):
    """R17: variables are the project's."""
    layers.env["LIBALLOCS_ALLOC_FNS"] = "f(\x1b)p"
    assert layers.fail(kind=SignatureError).startswith("variable LIBALLOCS_ALLOC_FNS: bad signature")


def test_variables_that_only_warn_are_a_layer(layers):
    """R17: what is left out of the variables is told, also where nothing remains."""
    layers.env["LIBALLOCS_SUBFREE_FNS"] = "f(P)->g"
    (warning,) = layers.load().warnings
    assert warning.startswith("variable LIBALLOCS_SUBFREE_FNS: ")


def test_a_file_of_another_user(layers, monkeypatch):
    """R2: a config may name code to run; one that was only found must be ours, root's or the folder's owner's."""
    layers.project.write_text(wrapper("x"))
    real = os.stat

    def stat(path, *args, **kwargs):
        found = real(path, *args, **kwargs)
        return os.stat_result((*found[:4], 4242, *found[5:])) if str(path) == str(layers.project) else found

    monkeypatch.setattr(os, "stat", stat)
    with pytest.raises(ConfigError, match=r"another user's \(uid 4242\).*ALLOCSCC_CONFIG"):
        layers.load()
    layers.env["ALLOCSCC_CONFIG"] = str(layers.project)
    assert "x" in load_config(layers.env, str(layers.project.parents[1])).wrappers
