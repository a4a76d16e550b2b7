"""Names of our sections, for the hot path: `allocscc.sidecar` imports `json` and `dataclasses`."""

SIDECAR_SECTION = ".allocs.sidecar"
SITES_SECTION = "allocs_sites"
PLAN_SECTION = ".allocs.plan"
# What a sidecar record that holds declarations has in its text (JSON of `allocscc.sidecar.encode`).
DECLARATIONS_MARK = b'"declarations":[{'
# The same for the calls in the source of a unit whose machine code is made at the link.
SOURCES_MARK = b'"sources":[{'
# The same for static functions that objects have under a symbol of ours.
STATICS_MARK = b'"statics":{'
# How sections of gcc's intermediate code are named (gcc internals manual, "LTO object file layout").
LTO_MARK = b".gnu.lto_"
