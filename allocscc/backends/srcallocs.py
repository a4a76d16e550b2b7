"""Allocation sites as liballocs reads them from `.i.allocs` files (LIBALLOCS-ABI.md, "Source-site lines")."""

import re

from allocscc.sidecar import Site

_PREFIX = "__uniqtype__"
_UNKNOWN = f"{_PREFIX}__uninterpreted_byte"
# An element that is itself a generic pointer.
_GENERIC = f"{_PREFIX}__EXISTS1___PTR__1"
_BASES = {
    "char": "signed_char$$8", "signed char": "signed_char$$8", "unsigned char": "unsigned_char$$8", "short": "int$$16",
    "unsigned short": "uint$$16", "int": "int$$32", "unsigned int": "uint$$32", "long": "int$$64",
    "unsigned long": "uint$$64", "long long": "int$$64", "unsigned long long": "uint$$64", "float": "float$$32",
    "double": "float$$64", "long double": "float$$128", "_Bool": "bool$$8", "bool": "bool$$8", "void": "void",
}  # fmt: skip
_TAG = re.compile(r"^(?:(?:const|volatile|struct|union|enum|class) )+")
_ARRAYS = re.compile(r"((?:\[\w*\])+)$")


def srcallocs_line(site: Site) -> str:
    """One site: source path, line, line again, callee, type string, whether it may be an array; tab-separated."""
    return "\t".join((
        site.file, str(site.line), str(site.line), site.callee, uniqtype(site.type), "1" if site.array else "0",
    ))  # fmt: skip


def uniqtype(spelling: str) -> str:
    """Liballocs' name for a type, with its prefix; that for bytes of no known type where there is none."""
    if not spelling:
        return _UNKNOWN
    plain = _TAG.sub("", spelling)
    if plain in ("void *", "char *"):
        return _GENERIC
    return _PREFIX + _name(plain)


def _name(spelling: str) -> str:
    spelling = _TAG.sub("", spelling.strip())
    arrays = _ARRAYS.search(spelling)
    if arrays is not None:
        bounds = re.findall(r"\[(\w*)\]", arrays[1])
        return "".join(f"__ARR{bound}_" for bound in bounds) + _name(spelling[: arrays.start()])
    if spelling.endswith("*"):
        return "__PTR_" + _name(spelling[:-1])
    return _BASES.get(spelling) or re.sub(r"\W", "_", spelling)
