"""The one door to other programs, and where to find them. Imports only what every hook needs anyway."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# Assembly and its like are bytes to us: what is read is written again as it was.
ENCODING = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}


def read_text(path: str) -> str:
    """A file's text, every byte of which can be written again."""
    with open(path, **ENCODING) as file:  # type: ignore[call-overload]
        return str(file.read())


class Interrupt(BaseException):
    """A signal that ends the process, as an exception, so that temporaries are removed first.

    Attributes:
        signal: its number.
    """

    def __init__(self, number: int) -> None:
        self.signal = number


def interruptible(main: "Callable[[], int]") -> int:
    """Run `main` so that SIGINT, SIGTERM and SIGHUP end it as an `Interrupt`, and then the process as they would have.

    The module `signal` costs 7 ms of import, the built-in one below it nothing.
    """
    import _signal

    numbers = [
        number
        for number in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP)
        if _signal.getsignal(number) != _signal.SIG_IGN
    ]

    def interrupt(number: int, _: object) -> None:
        for other in numbers:  # a second one must not disturb the tidying up
            _signal.signal(other, _signal.SIG_IGN)
        raise Interrupt(number)

    for number in numbers:
        _signal.signal(number, interrupt)
    try:
        return main()
    except Interrupt as interrupted:
        if interrupted.signal != _signal.SIGKILL:
            _signal.signal(interrupted.signal, _signal.SIG_DFL)
        os.kill(os.getpid(), interrupted.signal)
        return 128 + interrupted.signal


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

    Arguments are those of `start`.
    """
    return wait(start(argv, env, stdout, stderr, quiet=quiet))


def start(
    argv: list[str],
    env: dict[str, str] | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    *,
    quiet: bool = False,
    path: str | None = None,
) -> int:
    """Start a program and give its process id, for `wait`.

    Args:
        argv: program (absolute path) and arguments.
        env: its environment; ours if None.
        stdout: file descriptor for its output; ours if None.
        stderr: file descriptor for its diagnostics; ours if None.
        quiet: whether its diagnostics go nowhere: the person has seen those of the real run.
        path: where the program is, if `argv[0]` is not its path.
    """
    actions: list[tuple[object, ...]] = [] if stdout is None else [(os.POSIX_SPAWN_DUP2, stdout, 1)]
    if stderr is not None:
        actions.append((os.POSIX_SPAWN_DUP2, stderr, 2))
    if quiet:
        actions.append((os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0))
    return os.posix_spawn(path or argv[0], argv, dict(os.environ) if env is None else env, file_actions=actions)


def wait(pid: int) -> int:
    """Wait for a program that `start` started and give its exit status; die of the same signal if it died of one."""
    status = wait_for(pid)
    if status < 0:
        raise Interrupt(-status)
    return status


def wait_for(pid: int) -> int:
    """Wait for a child and give its exit status, or the number of the signal that it died of, negative."""
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except Interrupt as interrupted:
        try:
            os.kill(pid, interrupted.signal)
            os.waitpid(pid, 0)
        except OSError:  # it came when the child had just been waited for
            pass
        raise


def end(pid: int) -> None:
    """End a child that `start` started, or a fork, at once; and its process group, if it has one of its own."""
    import _signal

    for kill in (os.kill, os.killpg):
        try:
            kill(pid, _signal.SIGKILL)
        except OSError:  # it has been waited for; it leads no group
            pass
    try:
        os.waitpid(pid, 0)
    except OSError:
        pass


def in_parallel(tasks: "Iterable[Callable[[], None]]") -> bool:
    """Do tasks in processes of their own, as many at a time as there are processors; whether all of them went well."""
    running: list[int] = []
    statuses: list[int] = []
    workers = len(os.sched_getaffinity(0))
    for task in tasks:
        while len(running) >= workers:
            statuses.append(wait_for(running.pop(0)))
        child = os.fork()
        if child == 0:
            status = 1
            try:
                task()
                status = 0
            finally:
                os._exit(status)
        running.append(child)
    statuses += [wait_for(child) for child in running]
    return not any(statuses)


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
    """A private folder, made when a file in it is asked for, gone afterwards.

    `tempfile` does the same and costs 18 ms of import.
    """

    def __init__(self) -> None:
        self._path = os.path.join(os.environ.get("TMPDIR") or "/tmp", f"allocscc-{os.urandom(8).hex()}")

    @property
    def path(self) -> str:
        """Where it is, or will be."""
        return self._path

    def file(self, name: str) -> str:
        """The path of a file in the folder."""
        if not os.path.isdir(self._path):
            os.mkdir(self._path, 0o700)
        return os.path.join(self._path, name)

    def __enter__(self) -> "TemporaryFolder":
        return self

    def __exit__(self, *_: object) -> None:
        if os.path.isdir(self._path):
            for name in os.listdir(self._path):
                os.unlink(os.path.join(self._path, name))
            os.rmdir(self._path)


class MemoryFile:
    """A file in memory that other programs can open by its path while it exists (memfd_create(2))."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("allocscc")
        self.path = f"/proc/{os.getpid()}/fd/{self.descriptor}"

    @property
    def reachable(self) -> bool:
        """Whether others can open it: a chroot may have no /proc."""
        return os.path.exists(self.path)

    def read_text(self) -> str:
        """What it holds, whoever wrote it."""
        with open(os.dup(self.descriptor), **ENCODING) as file:  # type: ignore[call-overload]
            file.seek(0)
            return str(file.read())


def find_program(name: str) -> str:
    """The path of a program on `PATH`, or its bare name if there is none."""
    for folder in os.environ.get("PATH", os.defpath).split(":"):
        path = os.path.join(folder, name)
        if folder and os.access(path, os.X_OK) and not os.path.isdir(path):
            return path
    return name


def find_launcher(name: str) -> str:
    """A command of this toolkit, such as `allocscc`: beside the package, under its prefix, or on `PATH`.

    Absolute where there is one, else the bare name.
    """
    folder = os.path.dirname(os.path.abspath(__file__))
    while folder != "/":
        folder = os.path.dirname(folder)
        path = os.path.join(folder, "bin", name)
        if os.access(path, os.X_OK):
            return path
    return find_program(name)


def build_environment() -> dict[str, str]:
    """The environment for somebody's build: without what our launcher set for itself, and without an outer make's."""
    ours = ("ALLOCSCC_HOME", "ALLOCSCC_PATH", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    return {name: value for name, value in environment().items() if name not in ours}


class Started:
    """A program in a session of its own, without input, that can be ended with all that it started.

    Args:
        argv: program and arguments.
        folder: where it runs.
        env: its environment; its `PATH` is where the program is looked for.
        log: file descriptor for all that it says.

    Raises:
        OSError: it cannot be run.
    """

    def __init__(self, argv: list[str], folder: str, env: dict[str, str], log: int) -> None:
        import subprocess  # 10 ms that no hook pays

        self._process = subprocess.Popen(
            argv, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )

    def wait(self, timeout: float | None) -> int | None:
        """Its exit status, or its signal, negative; None if it took more than `timeout` seconds and was ended."""
        import subprocess

        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
            return None
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End it and what it started, unless it has ended."""
        import _signal

        try:
            os.killpg(self._process.pid, _signal.SIGKILL)
        except ProcessLookupError:
            pass


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
