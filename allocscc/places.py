"""Where things are: our own data, config layers, the cache. Paths only; imports nothing but `os` (hot path)."""

import os

_PACKAGE = os.path.dirname(os.path.abspath(__file__))


def data_folder(name: str) -> str:
    """The folder `name` of our data (`config`, `stubgen`): in a checkout, or under a prefix that pip installed into."""
    prefix = os.path.dirname(_PACKAGE)
    if os.path.isdir(os.path.join(prefix, name)):
        return os.path.join(prefix, name)
    while prefix != os.path.dirname(prefix):
        folder = os.path.join(prefix, "share", "allocscc", name)
        if os.path.isdir(folder):
            return folder
        prefix = os.path.dirname(prefix)
    return os.path.join(os.path.dirname(_PACKAGE), name)


def layer_files(env: dict[str, str], cwd: str) -> list[tuple[str, bool]]:
    """Config files that exist or are asked for, weakest first: system, user, project, `ALLOCSCC_CONFIG`.

    A name that is there and leads nowhere (a dangling link) counts as existing: whoever reads it says so.

    Args:
        env: the process environment, a mapping.
        cwd: folder where the search for the project's `allocscc.toml` starts, upwards.

    Returns:
        Paths, each with whether the file is the system's or the user's and not the project's.
    """
    home = env.get("XDG_CONFIG_HOME") or os.path.join(env.get("HOME", ""), ".config")
    candidates = ["/etc/allocscc.toml", os.path.join(home, "allocscc.toml")]
    files = [(path, True) for path in candidates if os.path.isabs(path) and os.path.lexists(path)]
    folder = os.path.abspath(cwd)
    while True:
        path = os.path.join(folder, "allocscc.toml")
        if os.path.lexists(path) and (path, True) not in files:
            files.append((path, False))
            break
        if folder == os.path.dirname(folder):
            break
        folder = os.path.dirname(folder)
    return files + [(os.path.join(cwd, path), False) for path in env.get("ALLOCSCC_CONFIG", "").split(":") if path]


def is_liballocs_tree(path: str) -> bool:
    """Whether a folder is a checkout of liballocs: it has what a link for its runtime needs (docs/backends.md)."""
    return bool(path) and os.path.isfile(os.path.join(path, "tools", "Makefile.meta"))


def cache_folder(env: dict[str, str]) -> str:
    """Folder for what can be made again (`ALLOCSCC_CACHE`, else XDG), created; a private temporary one if need be."""
    base = env.get("ALLOCSCC_CACHE", "")
    if not base and (env.get("XDG_CACHE_HOME") or env.get("HOME")):
        base = os.path.join(env.get("XDG_CACHE_HOME") or os.path.join(env["HOME"], ".cache"), "allocscc")
    for folder in filter(None, (base, os.path.join(env.get("TMPDIR") or "/tmp", f"allocscc-{os.getuid()}"))):
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            if os.access(folder, os.W_OK) and os.stat(folder).st_uid == os.getuid():
                return folder
        except OSError:
            continue
    raise OSError("no folder for the cache is writable; set ALLOCSCC_CACHE to one that is")
