"""Allocation sites as liballocs reads them, from `.i.allocs` files and section `.allocs_srcallocs` (LIBALLOCS-ABI.md).

One line a site, six fields with tabs between: source, line, line again, callee, type, whether it may be an array of it.
"""

from allocscc.backends.uniqtypes import structure, uniqtype
from allocscc.sidecar import Site

INDIRECT = "(indirect)"  # the callee of a call through a pointer


def srcallocs_line(site: Site, file: str = "") -> str:
    """The line of a site.

    Args:
        site: the site.
        file: the source as the line is to name it; left out, as the site has it.
    """
    return "\t".join((
        file or site.file, str(site.line), str(site.line), site.callee or INDIRECT, type_string(site),
        str(int(may_be_array(site))),
    ))  # fmt: skip


def type_string(site: Site) -> str:
    """Liballocs' name for what a site allocates, or its description of a structure that no source declares."""
    members = site.members.split(";") if site.members else []
    if len(members) < 2:
        return uniqtype(site.type)
    return structure(f"dumpallocs_synthetic_{site.file}\t{site.line}\t{site.line}", members)


def may_be_array(site: Site) -> bool:
    """Whether the chunk may hold several of the type: not where it is one with something behind it."""
    return not site.members and site.evidence != "offsetof"
