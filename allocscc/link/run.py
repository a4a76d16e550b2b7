"""Runs the real linker with our additions, and passes on what it says as if it had been run without them."""

from __future__ import annotations

import os

from allocscc import toolchain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def run_linker(real: str, command: list[str], vanilla: list[str], names: Mapping[str, str]) -> int:
    """Link; if that fails, link as without us, and let that speak for itself.

    What the first linker said is kept back until it is known whose fault a failure is; also if it crashed.

    Args:
        real: the linker.
        command: its arguments with our additions.
        vanilla: its arguments without.
        names: the path of a changed copy of an input → the input as the linker would name it.

    Returns:
        The exit status.
    """
    said = [os.memfd_create("allocscc-ld") for _ in range(2)]
    status = toolchain.wait_for(toolchain.start([real, *command], stdout=said[0], stderr=said[1]))
    texts = [_text(descriptor, names) for descriptor in said]
    if status == 0:
        for descriptor, text in enumerate(texts, 1):
            _write(descriptor, text)
        return 0
    status = toolchain.spawn([real, *vanilla])
    if status == 0:
        what = b"".join(texts).decode("utf-8", "replace").strip().replace("\n", "\n  ")
        toolchain.warn(f"the link failed with allocscc's additions, so it was done without them:\n  {what}")
    return status


def _text(descriptor: int, names: Mapping[str, str]) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        file.seek(0)
        text = file.read()
    for path, name in names.items():
        text = text.replace(os.fsencode(path), os.fsencode(name))
    return text


def _write(descriptor: int, text: bytes) -> None:
    try:
        while text:
            text = text[os.write(descriptor, text) :]
    except OSError:
        pass  # nobody listens; the link is made all the same
