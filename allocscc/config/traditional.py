"""The other variables of liballocs' builds and programs: what becomes of them (R17, docs/coming-from-liballocs.md)."""

import difflib
from collections.abc import Mapping

from allocscc.config.variables import VARIABLES

_TREE = "stays: it names the liballocs tree, and with it the backend liballocs"
_PART = "stays: the backend liballocs looks there for headers that are not in the tree's contrib/"
_MAKE = "stays: liballocs' makefile for metadata reads it"
_UNUSED = "not used here: "
_AT_RUN_TIME = "stays: liballocs' runtime reads it; of ours, ALLOCS_OPTIONS is what counts"
# What its tools, makefiles and runtime read from the environment beside `VARIABLES`.
FATES: Mapping[str, str] = {
    "LIBALLOCS": _TREE,
    "META_BASE": "stays: the backend liballocs has metadata put below it (default /usr/lib/meta)",
    "LIBRUNT": _PART,
    "LIBALLOCSTOOL": _PART,
    "LIBMALLOCHOOKS": _PART,
    "LIBALLOCS_USE_PRELOAD": "stays: with 'no', the backend liballocs links its library itself",
    "ALLOCSCC_CC": "stays: the real compiler; words before it ('ccache gcc') and options behind it are allowed, too",
    "META_CC": _MAKE,
    "META_CFLAGS": _MAKE,
    "LIBALLOCS_BUILD": _UNUSED + "the library is looked for in $LIBALLOCS/lib",
    "ELFTIN": _UNUSED + "references are bound without a linker plugin",
    "XWRAP_LDPLUGIN": _UNUSED + "references are bound without a linker plugin",
    "CC_IS_CLANG": _UNUSED + "the compiler's name says whether it is clang",
    "UNIQTYPES_BASE": _UNUSED + "META_BASE says where metadata are",
    "OCAMLPATH": _UNUSED + "libclang reads the sources, not CIL",
    "CIL_SAVE_TEMPS": _UNUSED + "the source of stubs is kept in the folder that ALLOCSCC_SAVE_TEMPS names",
    "ALLOCSCC_MAKE_ERR_FILE": _UNUSED + "the log of the metadata stays beside them as PATH.makelog",
    "DEBUG_CC": _UNUSED + "allocs explain tells what a link did and why; ALLOCSCC_EXPLAIN writes it during a build",
    "LIBALLOCS_DEBUG_LEVEL": _AT_RUN_TIME,
    "LIBALLOCS_ERR": _AT_RUN_TIME,
    "LIBALLOCS_DUMP_SMAPS_AT_EXIT": _AT_RUN_TIME,
    "LIBALLOCS_DELAY_STARTUP": _AT_RUN_TIME,
    "LIBALLOCS_PAGEINDEX_NO_LAZY_MAPPING": _AT_RUN_TIME,
}
# What the makefile of its tests sets for itself.
_OF_MAKEFILES = ("LIBALLOCS_LIB",)


def fates(env: Mapping[str, str]) -> list[str]:
    """A line for each of these variables that is set: `NAME: what becomes of it`."""
    return [f"{name}: {fate}" for name, fate in FATES.items() if env.get(name)]


def unknown(env: Mapping[str, str]) -> list[str]:
    """A warning for each variable that is called like those of liballocs, and is none."""
    known = {*VARIABLES, *FATES, *_OF_MAKEFILES}
    warnings = []
    for name in sorted(name for name in env if name.startswith("LIBALLOCS_") and name not in known):
        near = difflib.get_close_matches(name, sorted(known), 1, 0.85)
        warnings.append(f"variable {name}: nobody reads this{f'; did you mean {near[0]}?' if near else ''}")
    return warnings
