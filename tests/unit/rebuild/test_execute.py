"""Jobs are done, ended in time, and leave logs; only /bin/sh is run."""

import os
import time

import pytest

from allocscc import toolchain
from allocscc.rebuild.execute import Execution, environment_of
from allocscc.rebuild.model import Expected, Job, Role, Step


def shell(folder, text, role=Role.RUN, **more):
    return Step(role, ("/bin/sh", "-c", text), str(folder), **more)


@pytest.fixture
def execute(tmp_path):
    """Runs jobs and gives their outcomes; what was told as it came is in `execute.told`."""

    def run(*jobs, timeout=60.0, keep_going=False, workers=1):
        run.told = []
        tell = lambda outcome: run.told.append(outcome.job.name)  # noqa: E731
        logs = tmp_path / "logs"
        logs.mkdir(exist_ok=True)
        return Execution(str(logs), {"ADDED": "1"}, timeout, keep_going=keep_going, tell=tell).run(jobs, workers)

    return run


def test_steps_until_one_fails(execute, tmp_path):
    steps = [shell(tmp_path, f"echo said; exit {status}", role) for status, role in ((0, "build"), (3, "build"))]
    (outcome,) = execute(Job("x", Expected.PASS, (*steps, shell(tmp_path, "echo never"))))
    assert [step.status for step in outcome.ended] == [0, 3]
    assert outcome.log == (tmp_path / "logs" / "x.log").read_text()
    assert outcome.log.count("\nsaid\n") == 2
    assert "never" not in outcome.log
    assert (outcome.built, outcome.ran, outcome.met) == (False, None, False)


def test_questions_are_not_in_the_log(execute, tmp_path):
    """R17: unless they are why it went wrong."""
    question = shell(tmp_path, "echo asked", Role.BUILD, shown=False)
    failing = shell(tmp_path, "echo wrong; exit 2", Role.BUILD, shown=False)
    outcomes = execute(
        Job("a", Expected.PASS, (question, shell(tmp_path, "echo ran"))),
        Job("b", Expected.PASS, (question, failing)),
    )
    assert [outcome.log for outcome in outcomes] == ["$ /bin/sh -c 'echo ran'\nran\n", "wrong\n"]


@pytest.mark.parametrize("keep_going", [False, True])
def test_stops_at_the_first(execute, tmp_path, keep_going):
    """R17: as make does, unless it is to keep going."""
    scripts = {"a": "true", "b": "exit 4", "c": "true"}
    jobs = [Job(name, Expected.PASS, (shell(tmp_path, script),)) for name, script in scripts.items()]
    outcomes = execute(*jobs, keep_going=keep_going)
    assert [outcome.tried for outcome in outcomes] == [True, True, keep_going]
    assert [outcome.met for outcome in outcomes] == [True, False, keep_going]
    assert execute.told == ["a", "b", "c"][: 3 if keep_going else 2]


def test_timeout_ends_all_that_was_started(execute, tmp_path):
    """R17: also what the program itself started."""
    script = f"sleep 60 & echo $! >{tmp_path}/pid; wait"
    start = time.monotonic()
    (outcome,) = execute(Job("x", Expected.ABORT, (shell(tmp_path, script),)), timeout=1.0)
    assert time.monotonic() - start < 30
    assert outcome.ended[0].status is None
    assert outcome.reason == "running took more than 1 seconds"
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not alive(pid):
            return
        time.sleep(0.1)
    pytest.fail("the program's child is still there")


def alive(pid):
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_interrupted(execute, tmp_path):
    """R17: Ctrl-C ends what was started."""

    def interrupt(number, frame):
        raise toolchain.Interrupt(number)

    import signal

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    start = time.monotonic()
    try:
        with pytest.raises(toolchain.Interrupt):
            execute(Job("x", Expected.PASS, (shell(tmp_path, "sleep 60"),)), timeout=0.0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - start < 30


def test_at_once(execute, tmp_path):
    """R17: -j2: each waits for the other, in the order of the jobs."""
    script = "touch {0}; until [ -e {1} ]; do sleep 0.05; done"
    jobs = [
        Job(one, Expected.PASS, (shell(tmp_path, script.format(one, two)),)) for one, two in (("a", "b"), ("b", "a"))
    ]
    assert [outcome.met for outcome in execute(*jobs, workers=2)] == [True, True]


def test_a_program_that_is_not_there(execute, tmp_path):
    (outcome,) = execute(Job("x", Expected.PASS, (Step(Role.RUN, ("./nothing",), str(tmp_path)),)))
    assert outcome.ended[0].status == 127
    assert "nothing: No such file or directory" in outcome.log


def test_input_is_empty(execute, tmp_path):
    """A program that reads must not wait for a person."""
    (outcome,) = execute(Job("x", Expected.PASS, (shell(tmp_path, "cat"),)))
    assert outcome.met


def test_environment(tmp_path, monkeypatch):
    """R17: what a makefile exports, and its PRELOAD as a shell would read it."""
    source = tmp_path / "env"
    source.write_bytes(b'A=1\0MAKELEVEL=2\0B=x\n=y\0PRELOAD="/lib/one.so"\0')
    step = shell("/", "", env=(("CC", "ours"),), source=str(source), preloads=True)
    expected = {"A": "1", "B": "x\n=y", "CC": "ours", "PRELOAD": '"/lib/one.so"', "LD_PRELOAD": "/lib/one.so"}
    assert environment_of(step, {"C": "3"}) == expected
    source.write_bytes(b"PRELOAD=\0LD_PRELOAD=mine\0")
    assert environment_of(step, {})["LD_PRELOAD"] == "mine"
    assert environment_of(shell("/", "", env=(("A", "1"),)), {"C": "3"}) == {"A": "1", "C": "3"}


def test_what_steps_do_not_inherit(execute, tmp_path, monkeypatch):
    """A make or a launcher around us is not the build's business."""
    for name in ("MAKEFLAGS", "MAKELEVEL", "ALLOCSCC_HOME", "ALLOCSCC_PATH"):
        monkeypatch.setenv(name, "x")
    (outcome,) = execute(Job("x", Expected.PASS, (shell(tmp_path, "env"),)))
    names = {line.partition("=")[0] for line in outcome.log.splitlines()}
    assert "ADDED" in names
    assert names & {"MAKEFLAGS", "MAKELEVEL", "ALLOCSCC_HOME", "ALLOCSCC_PATH"} == set()
    assert os.environ["MAKELEVEL"] == "x"
