"""The `allocs` tool: one module a verb."""
