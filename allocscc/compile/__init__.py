"""The compile phase: records allocation sites beside the code that the real compiler makes (DESIGN §2)."""
