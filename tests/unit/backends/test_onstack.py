"""How each backend has alloca observed: `on_stack` of `allocscc.backends`."""

import re

import pytest

from allocscc.backends import load_backend


@pytest.mark.parametrize("name", ["embedded", "liballocs"])
def test_prelude(name):
    """R17: whole lines that make a macro, and the function that its calls are found by."""
    found = load_backend(name).on_stack()
    *lines, last = found.prelude.split(b"\n")
    assert last == b""
    assert all(line and not line.startswith(b"# ") for line in lines)
    assert lines[-1].startswith(b"#define __builtin_alloca(n) __extension__({ ")
    assert lines[-1].count(b"(n)") == 2  # evaluated once
    assert b'__asm__("%s")' % found.hook.encode() in found.prelude


def test_weak():
    """R17: nothing that a plain link would miss."""
    for name in ("embedded", "liballocs"):
        prelude = load_backend(name).on_stack().prelude
        declared = re.findall(rb"^void [^{}]*$", prelude, re.M)
        assert declared
        assert all(b"__weak__" in line for line in declared), name


def test_frame():
    """R17: liballocs counts in a variable of the function; the embedded runtime is told of returns instead."""
    embedded, liballocs = load_backend("embedded").on_stack(), load_backend("liballocs").on_stack()
    assert (embedded.leaves, embedded.frame) == (True, b"")
    assert not liballocs.leaves
    assert b" __allocs_frame __attribute__((__cleanup__(__allocs_left)))" in liballocs.frame
    assert b"&__allocs_frame" in liballocs.prelude
    assert b"void __allocs_left(" in liballocs.prelude


def test_nobody():
    """R17: without a backend nothing is compiled again."""
    assert load_backend("none").on_stack() is None
