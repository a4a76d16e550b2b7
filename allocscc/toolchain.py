"""The one door to other programs, and where to find them. Imports only what every hook needs anyway."""

import os
import sys


def environment() -> dict[str, str]:
    """The environment for a compiler or linker that must not meet our hooks again."""
    env = dict(os.environ)
    ours = env.get("ALLOCSCC_COMPILER_PATH", "")
    if ours:
        env["COMPILER_PATH"] = ours
    else:
        env.pop("COMPILER_PATH", None)
    for name in ("COLLECT_GCC_OPTIONS", "COLLECT_LTO_WRAPPER", "LIBRARY_PATH", "GCC_EXEC_PREFIX"):
        env.pop(name, None)
    return env


def spawn(
    argv: list[str],
    env: dict[str, str] | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    *,
    quiet: bool = False,
) -> int:
    """Run a program to its end and give its exit status; die of the same signal if it died of one.

    Args:
        argv: program (absolute path) and arguments.
        env: its environment; ours if None.
        stdout: file descriptor for its output; ours if None.
        stderr: file descriptor for its diagnostics; ours if None.
        quiet: whether its diagnostics go nowhere: the person has seen those of the real run.
    """
    actions: list[tuple[object, ...]] = [] if stdout is None else [(os.POSIX_SPAWN_DUP2, stdout, 1)]
    if stderr is not None:
        actions.append((os.POSIX_SPAWN_DUP2, stderr, 2))
    if quiet:
        actions.append((os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0))
    pid = os.posix_spawn(argv[0], argv, dict(os.environ) if env is None else env, file_actions=actions)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status < 0:
        import signal  # 7 ms that only a dying compiler pays

        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


def replace(argv: list[str]) -> None:
    """Become another program: nothing of ours has to run after it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(argv[0], argv)


def run(argv: list[str]) -> str:
    """Run a program that has to succeed, without our hooks, and give its standard output.

    Raises:
        ToolError: it failed or does not exist; the message carries the command and the output.
    """
    from plumbum import ProcessExecutionError, local
    from plumbum.commands import CommandNotFound

    from allocscc.errors import ToolError

    try:
        with local.env():
            local.env.clear()
            local.env.update(environment())
            output: str = local[argv[0]](*argv[1:])
    except CommandNotFound as error:
        raise ToolError(f"{argv[0]}: not found") from error
    except ProcessExecutionError as error:
        shown = (error.stderr or error.stdout).strip().replace("\n", "\n  ")
        raise ToolError(f"this command failed with status {error.retcode}:\n  {' '.join(argv)}\n  {shown}") from error
    return output


class TemporaryFolder:
    """A private folder that is gone afterwards; `tempfile` does the same and costs 18 ms of import."""

    def __enter__(self) -> str:
        base = os.environ.get("TMPDIR") or "/tmp"
        self._path = os.path.join(base, f"allocscc-{os.urandom(8).hex()}")
        os.mkdir(self._path, 0o700)
        return self._path

    def __exit__(self, *_: object) -> None:
        for name in os.listdir(self._path):
            os.unlink(os.path.join(self._path, name))
        os.rmdir(self._path)


def find_program(name: str) -> str:
    """The path of a program on `PATH`, or its bare name if there is none."""
    for folder in os.environ.get("PATH", os.defpath).split(":"):
        path = os.path.join(folder, name)
        if folder and os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    return name


def find_linker(name: str) -> str:
    """The real linker that our hook of this name (`ld`, `ld.gold` …) stands before.

    collect2 hands the driver's whole search path on in `COMPILER_PATH`; behind it comes `PATH`.
    """
    hooks = os.path.join(os.environ.get("ALLOCSCC_HOME", ""), "hooks")
    folders = os.environ.get("COMPILER_PATH", "").split(":") + os.environ.get("PATH", os.defpath).split(":")
    for folder in folders:
        path = os.path.join(folder, name)
        if folder and not os.path.abspath(folder).startswith(hooks) and os.access(path, os.X_OK):
            return path
    raise OSError(f"no linker named {name} on COMPILER_PATH or PATH")


def warn(message: str) -> None:
    """Tell the person at the build of a failure of ours; one line a call, never on success."""
    sys.stderr.write(f"allocscc: warning: {message}\n")
