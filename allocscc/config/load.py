"""Reads and merges the config layers, weakest first (DESIGN §3, R1).

`config/builtin.toml` → packs that any layer names in `use` → `/etc/allocscc.toml` → the user's → the project's
`allocscc.toml` (from the working folder upwards) → files in `ALLOCSCC_CONFIG` → `LIBALLOCS_*` → `ALLOCSCC_OBSERVE` and
`ALLOCSCC_BACKEND`. A
later entry of the same name replaces an earlier one whole. A file that another one uses lies right below it.
"""

import os
from collections.abc import Iterable, Mapping
from functools import reduce

from allocscc.config.model import ANY_PARENT, BACKENDS, Allocator, Config, Named, merge
from allocscc.config.read import BACKEND_WORDS, is_backend_file, nearest, read_layer
from allocscc.config.variables import from_variables
from allocscc.errors import ConfigError
from allocscc.places import data_folder, is_liballocs_tree, layer_files
from allocscc.values import replace

_BUILTIN = "builtin"


def load_config(env: Mapping[str, str], cwd: str) -> Config:
    """Merge every layer that exists.

    Args:
        env: the process environment.
        cwd: folder where the search for the project's file starts.

    Raises:
        ConfigError: a layer of the project is unreadable or wrong; the message names file and key. A system's or
            user's own file that is wrong is left out, with a warning in the result.
    """
    return merge_layers(load_layers(env, cwd))


def files_of(config: Config) -> list[str]:
    """Paths of the files that a config is of."""
    return [origin for origin in config.origins if os.path.isabs(origin)]


def merge_layers(layers: Iterable[Config]) -> Config:
    """All layers as one config; the weakest comes first."""
    return reduce(merge, layers, Config(on_error="warn", sidecar_file="auto"))


def load_layers(env: Mapping[str, str], cwd: str) -> list[Config]:
    """Every layer that exists, weakest first, fit to be merged; `load_config` says what may be wrong with one."""
    builtin, variables, how = read_layer(_pack_path(_BUILTIN)), from_variables(env), _how(env, cwd)
    tree = _tree(env)
    packs: dict[str, list[Config]] = {}
    own: list[Config] = []

    def together(packs: dict[str, list[Config]], own: list[Config]) -> list[Config]:
        below = [builtin, tree] if tree.backend else [builtin]
        layers = [*below, *(layer for group in packs.values() for layer in group), *own]
        return [*layers, *(layer for layer in (variables, how) if layer != _nothing())]

    named = [os.path.join(cwd, path) for path in env.get("ALLOCSCC_CONFIG", "").split(":")]
    for path, personal in layer_files(dict(env), cwd):
        if not personal and path not in named:
            _check_owner(path, cwd)
        try:
            found = dict(packs)
            layers = _with_uses(read_layer(path), (path,), found)
            if personal:  # it has to stand without the project's
                validate(merge_layers(together(found, [*own, *layers])))
        except ConfigError as error:
            if not personal:
                raise
            own.append(_nothing(f"{error}\n  this file is not the project's, so it is left out"))
            continue
        packs = found
        own += layers
    layers = together(packs, own)
    validate(merge_layers(layers))
    return layers


def _check_owner(path: str, cwd: str) -> None:
    """A config can name Python to run, and one that was only found (in /tmp, say) may be anybody's.

    Raises:
        ConfigError: the file is neither root's nor ours nor the working folder's owner's.
    """
    try:
        owner = os.stat(path).st_uid
        allowed = {0, os.geteuid(), os.stat(cwd).st_uid}
    except OSError:
        return  # whoever reads it says so
    if owner not in allowed:
        raise ConfigError(
            f"{path}: found upwards from {cwd}, but it is another user's (uid {owner}) and could name code to run;"
            " move it away, or name it in ALLOCSCC_CONFIG if you trust it"
        )


def pack_names() -> list[str]:
    """The packs that come with allocscc."""
    names = (name.removesuffix(".toml") for name in os.listdir(data_folder("config")) if name.endswith(".toml"))
    return sorted(name for name in names if name != _BUILTIN)


def validate(config: Config) -> None:
    """Check what only the whole can tell: whose chunks a family carves up.

    Raises:
        ConfigError: a family names a parent that no layer describes, or families are each other's parents.
    """
    families = config.allocators
    for family in families.values():
        chain: list[Allocator] = [family]
        while (parent := chain[-1].suballocates) not in ("", ANY_PARENT):
            where = f"{chain[-1].origin}: allocator.{chain[-1].name}.suballocates"
            if parent not in families:
                raise ConfigError(f"{where}: there is no allocator '{parent}'; {nearest(parent, families)}")
            if families[parent] in chain:
                circle = [link.name for link in chain[chain.index(families[parent]) :]]
                raise ConfigError(f"{where}: goes round in a circle: {' → '.join([*circle, parent])}")
            chain.append(families[parent])


def _tree(env: Mapping[str, str]) -> Config:
    """The weakest word on the backend: where `LIBALLOCS` names a tree, programs are for its runtime."""
    tree = env.get("LIBALLOCS", "")
    if not is_liballocs_tree(tree):
        return _nothing()
    return replace(_nothing(), backend="liballocs", origins=("variable LIBALLOCS",))


def _how(env: Mapping[str, str], cwd: str) -> Config:
    """What `ALLOCSCC_OBSERVE` and `ALLOCSCC_BACKEND` say, above all files.

    Raises:
        ConfigError: one is none of the words that the key `observe`, or `runtime.backend`, may have.
    """
    backend = env.get("ALLOCSCC_BACKEND", "")
    if backend and backend not in BACKENDS and not is_backend_file(backend):
        raise ConfigError(f"variable ALLOCSCC_BACKEND: {backend!r}; {BACKEND_WORDS}")
    if is_backend_file(backend):
        backend = os.path.join(cwd, backend)
    word = env.get("ALLOCSCC_OBSERVE", "")
    if word not in ("", "stubs", "unwind"):
        raise ConfigError(f'variable ALLOCSCC_OBSERVE: {word!r}; allowed: "stubs", "unwind"')
    names = [name for name in ("ALLOCSCC_OBSERVE", "ALLOCSCC_BACKEND") if env.get(name)]
    return replace(_nothing(), observe=word, backend=backend, origins=tuple(f"variable {name}" for name in names))


def _nothing(*warnings: str) -> Config:
    return Config(on_error="", sidecar_file="", warnings=warnings)


def _pack_path(name: str) -> str:
    return os.path.join(data_folder("config"), f"{name}.toml")


def _with_uses(layer: Config, chain: tuple[str, ...], packs: dict[str, list[Config]]) -> list[Config]:
    """A layer with the files that it uses below it; packs are collected in `packs`, those they use first.

    Args:
        layer: a file that was read.
        chain: the paths that led here, the layer's own last.
        packs: layers of the packs met so far, by path.
    """
    below: list[Config] = []
    for used in layer.uses:
        path = _used_path(used, chain[-1])
        real = [os.path.realpath(link) for link in (*chain, path)]
        if real[-1] in real[:-1]:
            names = [os.path.basename(link) for link in real[real.index(real[-1]) :]]
            raise ConfigError(f"{used.origin}: use goes round in a circle: {' → '.join(names)}")
        if _is_file(used.name):
            below += _with_uses(read_layer(path), (*chain, path), packs)
        elif path not in packs:
            layers = _with_uses(read_layer(path), (*chain, path), packs)
            packs[path] = layers
    return [*below, layer]


def _is_file(name: str) -> bool:
    return "/" in name or name.endswith(".toml")


def _used_path(used: Named, user: str) -> str:
    if _is_file(used.name):
        return os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(user)), used.name))
    if used.name not in pack_names():
        raise ConfigError(f"{used.origin}: there is no pack '{used.name}'; {nearest(used.name, pack_names())}")
    return _pack_path(used.name)
