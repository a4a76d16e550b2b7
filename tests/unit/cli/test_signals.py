"""Waiting for a program: no signal is lost, whenever it comes."""

import os
import signal

import pytest

from allocscc import toolchain
from allocscc.cli.signals import Patience


def run(script):
    """Run a shell script and give its status and what it wrote."""
    here, there = os.pipe()
    with Patience() as patience:
        status = patience.wait(toolchain.start(["/bin/sh", "-c", script], stdout=there))
    os.close(there)
    with os.fdopen(here) as file:
        return status, file.read()


def test_statuses():
    assert run("exit 7") == (7, "")
    assert run("kill -SEGV $$") == (-signal.SIGSEGV, "")


@pytest.mark.parametrize("name", ["TERM", "HUP"])
def test_passed_on_whenever_it_comes(name):
    """Issue 7, 3: also before the program's id is known, and just before it is waited for."""
    for _ in range(30):
        assert run(f"kill -{name} $PPID; while :; do sleep 0.01; done") == (-getattr(signal, f"SIG{name}"), "")


def test_a_signal_before_the_start_is_known():
    with Patience() as patience:
        pid = toolchain.start(["/bin/sleep", "60"])
        os.kill(os.getpid(), signal.SIGTERM)
        assert patience.wait(pid) == -signal.SIGTERM


def test_the_terminals_signals_are_the_programs():
    assert run("kill -INT $PPID; kill -QUIT $PPID; echo on") == (0, "on\n")


def test_nothing_is_ignored_in_the_program():
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    status, text = run("grep SigIgn /proc/self/status")
    assert status == 0
    ignored = int(text.split()[1], 16)
    assert not ignored & (1 << (signal.SIGPIPE - 1))
    assert not ignored & (1 << (signal.SIGINT - 1))
    assert {number: signal.getsignal(number) for number in signal.valid_signals()} == before
