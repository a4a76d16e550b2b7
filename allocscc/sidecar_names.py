"""Names of our sections, for the hot path: `allocscc.sidecar` imports `json` and `dataclasses`."""

SIDECAR_SECTION = ".allocs.sidecar"
SITES_SECTION = "allocs_sites"
PLAN_SECTION = ".allocs.plan"
