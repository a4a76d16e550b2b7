"""Text as the GNU assembler reads it (gas manual, "Strings")."""


def quote(value: str) -> str:
    """A string: everything but plain ASCII as an octal escape."""
    return '"' + "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03o}"
        for byte in value.encode("utf-8", "surrogateescape")
    ) + '"'  # fmt: skip
