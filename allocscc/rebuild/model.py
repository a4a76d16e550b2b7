"""The words of a rebuild: a tree's facts, what was asked for, the jobs that follow, and how they ended."""

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What builds a tree."""

    CASES = "cases"
    AUTOTOOLS = "autotools"
    CMAKE = "cmake"
    MESON = "meson"
    MAKE = "make"


class Expected(StrEnum):
    """What a job has to do."""

    BUILD = "build"  # be built
    PASS = "pass"  # be built, and exit with 0
    FAIL = "fail"  # be built, and exit with another status
    ABORT = "abort"  # be built, and not exit with 0: another status or a signal


class Role(StrEnum):
    """What a step's success means."""

    BUILD = "build"
    RUN = "run"


@dataclass(frozen=True)
class Case:
    """A folder of a program, as in liballocs' `tests/`.

    Attributes:
        name: of the folder and of the program.
        fragment: whether it has an `mk.inc`, a piece of makefile that sets variables.
    """

    name: str
    fragment: bool = False


@dataclass(frozen=True)
class Facts:
    """What there is in a tree.

    Attributes:
        folder: its absolute path.
        names: of files and folders at its top.
        cases: folders that are cases.
        rules: those of `clean`, `check` and `test` that the makefile has, and `_onlyrun-` if it has one to run a case.
        configured: arguments of the configure that was run there; None: none was.
        built: whether the build folder has been set up.
    """

    folder: str
    names: frozenset[str]
    cases: tuple[Case, ...] = ()
    rules: frozenset[str] = frozenset()
    configured: tuple[str, ...] | None = None
    built: bool = False


@dataclass(frozen=True)
class Wishes:
    """What was asked for.

    Attributes:
        cc: our C compiler, an absolute path.
        cxx: our C++ compiler.
        scratch: a folder for what has to pass between steps.
        kind: what builds the tree; None: find out.
        build_folder: where to build, an absolute path; "": where such trees are built.
        jobs: how many at once; 0: as the tool does by itself.
        check: whether to run the tree's own tests.
        words: for configure, `cmake`, `meson setup` or `make`, whichever comes first.
        only: globs of names of cases; empty: all.
    """

    cc: str
    cxx: str
    scratch: str
    kind: Kind | None = None
    build_folder: str = ""
    jobs: int = 0
    check: bool = False
    words: tuple[str, ...] = ()
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One command.

    Attributes:
        role: what its success means.
        argv: program and arguments.
        folder: where to run it; made if it is not there.
        env: variables that it gets beside ours.
        source: a file that an earlier step wrote: the environment to start from (`env -0`); "": ours.
        preloads: whether `PRELOAD` of that environment is to become `LD_PRELOAD`.
        shown: whether the log has the command; a question of ours is nothing that a person would type.
    """

    role: Role
    argv: tuple[str, ...]
    folder: str
    env: tuple[tuple[str, str], ...] = ()
    source: str = ""
    preloads: bool = False
    shown: bool = True


@dataclass(frozen=True)
class Job:
    """A tree, or a case, and the steps to its result; a step that fails is the last."""

    name: str
    expected: Expected
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Ended:
    """How a step ended: its exit status, a signal's number negative, or None if it took too long; and seconds."""

    role: Role
    status: int | None
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        job: which.
        ended: its steps, as far as they were run; empty: it was not tried.
        reason: why it is not as expected; "": it is.
        log: what its steps said.
    """

    job: Job
    ended: tuple[Ended, ...] = ()
    reason: str = ""
    log: str = field(default="", repr=False)

    @property
    def tried(self) -> bool:
        """Whether anything was run."""
        return bool(self.ended)

    @property
    def met(self) -> bool:
        """Whether it was tried and is as expected."""
        return self.tried and not self.reason

    @property
    def built(self) -> bool:
        """Whether all steps of building went well."""
        steps = [step for step in self.ended if step.role == Role.BUILD]
        wanted = sum(step.role == Role.BUILD for step in self.job.steps)
        return len(steps) == wanted and all(step.status == 0 for step in steps)

    @property
    def ran(self) -> Ended | None:
        """How running ended, if it got there."""
        return next((step for step in self.ended if step.role == Role.RUN), None)

    @property
    def seconds(self) -> float:
        """How long all of it took."""
        return sum(step.seconds for step in self.ended)
