"""The link phase: facts about a link → a plan with reasons → stubs, changed inputs, the real linker (DESIGN §4)."""
