"""Text as the GNU assembler reads it (gas manual, "Strings")."""

_ESCAPES = {code: f"\\{code:03o}" for code in range(256) if not 32 <= code < 127 or chr(code) in '"\\'}


def quote(value: str) -> str:
    """A string: everything but plain ASCII as an octal escape."""
    return f'"{value.encode("utf-8", "surrogateescape").decode("latin-1").translate(_ESCAPES)}"'
