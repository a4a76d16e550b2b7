"""The compile flags of whatever backend is chosen, asked for before the compiler starts: most builds pay a look.

Run as `python -I -S flags.py clang` by the launcher, whose driver compiles in process: prints them, one a line.
"""

import os
import sys


def compile_flags(family: str) -> list[str]:
    """Options for the compiler, weaker than the user's own; none where the config is wrong: who reads it next says so.

    Args:
        family: `gcc` or `clang`.
    """
    from allocscc.places import layer_files

    env = dict(os.environ)
    cwd = os.getcwd()
    if not (env.get("LIBALLOCS") or env.get("ALLOCSCC_BACKEND") or layer_files(env, cwd)):
        return []
    from allocscc.backends import EMBEDDED, load_backend
    from allocscc.config.roles import load_roles
    from allocscc.errors import AllocsError

    try:
        roles = load_roles(env, cwd)
        return [] if roles.backend == EMBEDDED else load_backend(roles.backend).compile_flags(family)
    except AllocsError:
        return []


if __name__ == "__main__":
    sys.path[:0] = os.environ["ALLOCSCC_PATH"].split(":")
    sys.stdout.write("".join(f"{flag}\n" for flag in compile_flags(sys.argv[1])))
