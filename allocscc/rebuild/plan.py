"""From what there is in a tree and what was asked for to the commands that rebuild it; touches nothing."""

import os
from fnmatch import fnmatchcase

from allocscc.errors import UsageError
from allocscc.rebuild.model import Case, Expected, Facts, Job, Kind, Role, Step, Wishes

BUILD_FOLDER = "build-allocscc"
MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
# A file of that name at the top of a tree says what builds it; the first that is there counts.
_SIGNS = (
    (Kind.AUTOTOOLS, ("configure",)),
    (Kind.CMAKE, ("CMakeLists.txt",)),
    (Kind.MESON, ("meson.build",)),
    (Kind.MAKE, MAKEFILES),
)
_OUT_OF_TREE = (Kind.CMAKE, Kind.MESON)
_PROBE = "ALLOCSCC_PROBE"  # names the file for `_WRITE`
_WRITE = f'@env -0 >"$${_PROBE}"'
# tests/Makefile of liballocs: its rule that runs a case, to which an mk.inc adds what has to be there first.
RUN_RULE = "_onlyrun-"
_UNPRELOADED = "nopreload-"


def kind_of(facts: Facts) -> Kind:
    """What builds a tree.

    Raises:
        UsageError: nothing that we know; the message says what was looked for.
    """
    named_tests = os.path.basename(facts.folder) == "tests"
    if any(case.fragment for case in facts.cases) or (facts.cases and named_tests):
        return Kind.CASES
    for kind, names in _SIGNS:
        if not facts.names.isdisjoint(names):
            return kind
    if facts.names & {"configure.ac", "configure.in", "autogen.sh"}:
        raise UsageError(
            f"{facts.folder}: there is no configure yet; make it first, with ./autogen.sh or autoreconf -i"
        )
    hint = "; its folders look like cases: --kind cases" if facts.cases else ""
    looked = "configure, CMakeLists.txt, meson.build, Makefile, or folders with an mk.inc"
    raise UsageError(f"{facts.folder}: nothing here says how it is built (looked for {looked}){hint}")


def build_folder(facts: Facts, wishes: Wishes, kind: Kind) -> str:
    """Where a tree of this kind is built.

    Raises:
        UsageError: a folder was asked for, and such a tree is built where it is.
    """
    if wishes.build_folder and kind in (Kind.MAKE, Kind.CASES):
        raise UsageError(
            f"{facts.folder}: a makefile builds where it is, so there is no use for --build-dir; --copy leaves it alone"
        )
    if wishes.build_folder:
        return wishes.build_folder
    return os.path.join(facts.folder, BUILD_FOLDER) if kind in _OUT_OF_TREE else facts.folder


def jobs_of(facts: Facts, wishes: Wishes) -> list[Job]:
    """All that is to be done.

    Raises:
        UsageError: it is not known how, or no case has such a name.
    """
    kind = wishes.kind or kind_of(facts)
    at = build_folder(facts, wishes, kind)
    if kind == Kind.CASES:
        return _case_jobs(facts, wishes)
    if wishes.only:
        raise UsageError(f"{facts.folder}: this is a tree of kind '{kind}', which has no cases that --only could name")
    steps = {Kind.AUTOTOOLS: _autotools, Kind.CMAKE: _cmake, Kind.MESON: _meson, Kind.MAKE: _make}[kind](
        facts, wishes, at
    )
    checks = any(step.role == Role.RUN for step in steps)
    name = os.path.basename(facts.folder) or facts.folder
    return [Job(name, Expected.PASS if checks else Expected.BUILD, tuple(steps))]


def _case_jobs(facts: Facts, wishes: Wishes) -> list[Job]:
    targets = [word for word in wishes.words if "=" not in word]
    if targets:
        raise UsageError(f"{facts.folder}: '{targets[0]}' is no variable (NAME=VALUE), and cases take nothing else")
    chosen = [case for case in facts.cases if not wishes.only or any(fnmatchcase(case.name, g) for g in wishes.only)]
    if not chosen:
        globs = f" with a name like {' or '.join(wishes.only)}" if wishes.only else ""
        raise UsageError(f"{facts.folder}: there is no case{globs} (a folder with an mk.inc, or with NAME/NAME.c)")
    return [case_job(case, facts, wishes) for case in chosen]


def case_job(case: Case, facts: Facts, wishes: Wishes) -> Job:
    """A case is built by make's own rules with its `mk.inc`, in the environment that the makefile above it exports.

    CC stands in the environment, where a case's `mk.inc` may still say otherwise. The program is run with `PRELOAD` of
    that environment, unless its name begins with `nopreload-`. A makefile that follows liballocs' conventions (it has a
    rule to run a case, used from the case's folder) also cleans it, and is read before the run: a case may name there
    what it needs. Without, make is told to take everything for old.
    """
    here = os.path.join(facts.folder, case.name)
    makefile = next((name for name in MAKEFILES if name in facts.names), "")
    above = os.path.join(wishes.scratch, f"{case.name}.env")
    below = os.path.join(wishes.scratch, f"{case.name}.run.env")
    compilers = _compilers(wishes)
    fragment = ("-f", "mk.inc") if case.fragment else ()
    steps = []
    if makefile:
        rule = f".PHONY: allocscc-environment\nallocscc-environment: ; {_WRITE}"
        argv = ("make", "-f", makefile, f"--eval={rule}", *wishes.words, "allocscc-environment")
        steps.append(Step(Role.BUILD, argv, facts.folder, (*compilers, (_PROBE, above)), shown=False))
    source = above if makefile else ""
    conventional = makefile and RUN_RULE in facts.rules
    files = (*(("-f", os.path.join("..", makefile)) if conventional else ()), *fragment) or ("-f", os.devnull)
    everything: tuple[str, ...] = ("-B",)
    if conventional and "clean" in facts.rules:
        steps.append(Step(Role.BUILD, ("make", *files, *wishes.words, "clean"), here, compilers, source, shown=False))
        everything = ()
    argv = ("make", *everything, *fragment, *wishes.words, case.name)
    steps.append(Step(Role.BUILD, argv, here, compilers, source))
    rule = f".PHONY: {RUN_RULE}{case.name}\n{RUN_RULE}{case.name}: ; {_WRITE}"
    argv = ("make", *files, f"--eval={rule}", *wishes.words, f"{RUN_RULE}{case.name}")
    steps.append(Step(Role.BUILD, argv, here, (*compilers, (_PROBE, below)), source, shown=False))
    preloads = not case.name.startswith(_UNPRELOADED)
    steps.append(Step(Role.RUN, (f"./{case.name}",), here, source=below, preloads=preloads))
    return Job(case.name, _expected(case.name), tuple(steps))


def _expected(name: str) -> Expected:
    """The naming convention of liballocs' tests."""
    for expected in (Expected.FAIL, Expected.ABORT):
        if name.startswith(f"{expected}-"):
            return expected
    return Expected.PASS


def _compilers(wishes: Wishes) -> tuple[tuple[str, str], ...]:
    return (("CC", wishes.cc), ("CXX", wishes.cxx))


def _assigned(wishes: Wishes) -> tuple[str, ...]:
    return tuple(f"{name}={path}" for name, path in _compilers(wishes))


def _parallel(wishes: Wishes) -> tuple[str, ...]:
    return (f"-j{wishes.jobs}",) if wishes.jobs else ()


def _autotools(facts: Facts, wishes: Wishes, at: str) -> list[Step]:
    """Configured with our compilers, and the arguments of before if there are; a Makefile alone is made again."""
    if facts.configured is None and not facts.names.isdisjoint(MAKEFILES) and at == facts.folder and not wishes.words:
        return _make(facts, wishes, at)
    steps = [Step(Role.BUILD, ("make", "clean"), at)] if "clean" in facts.rules else []
    before = [word for word in facts.configured or () if not word.startswith(("CC=", "CXX="))]
    script = "./configure" if at == facts.folder else os.path.join(facts.folder, "configure")
    steps.append(Step(Role.BUILD, (script, *before, *wishes.words, *_assigned(wishes)), at))
    steps.append(Step(Role.BUILD, ("make", *_parallel(wishes)), at))
    return steps + _make_check(facts, wishes, at, ())


def _make(facts: Facts, wishes: Wishes, at: str) -> list[Step]:
    """All of it again: cleaned first where there is a rule for that. Variables on the command line win in make."""
    assigned = _assigned(wishes)
    steps = []
    everything: tuple[str, ...] = ("-B",)
    if "clean" in facts.rules:
        steps.append(Step(Role.BUILD, ("make", "clean"), at))
        everything = ()
    steps.append(Step(Role.BUILD, ("make", *everything, *_parallel(wishes), *assigned, *wishes.words), at))
    return steps + _make_check(facts, wishes, at, assigned)


def _make_check(facts: Facts, wishes: Wishes, at: str, assigned: tuple[str, ...]) -> list[Step]:
    if not wishes.check:
        return []
    rule = next((name for name in ("check", "test") if name in facts.rules), "check")  # configure may make it yet
    return [Step(Role.RUN, ("make", *assigned, rule), at)]


def _cmake(facts: Facts, wishes: Wishes, at: str) -> list[Step]:
    compilers = (f"-DCMAKE_C_COMPILER={wishes.cc}", f"-DCMAKE_CXX_COMPILER={wishes.cxx}", "--no-warn-unused-cli")
    clean = ("--clean-first",) if facts.built else ()
    jobs = ("--parallel", str(wishes.jobs)) if wishes.jobs else ()
    steps = [
        Step(Role.BUILD, ("cmake", "-S", facts.folder, "-B", at, *compilers, *wishes.words), facts.folder),
        Step(Role.BUILD, ("cmake", "--build", at, *clean, *jobs), facts.folder),
    ]
    if wishes.check:
        steps.append(Step(Role.RUN, ("ctest", "--output-on-failure"), at))
    return steps


def _meson(facts: Facts, wishes: Wishes, at: str) -> list[Step]:
    again = ("--wipe",) if facts.built else ()
    jobs = ("-j", str(wishes.jobs)) if wishes.jobs else ()
    steps = [
        Step(Role.BUILD, ("meson", "setup", *again, at, facts.folder, *wishes.words), facts.folder, _compilers(wishes)),
        Step(Role.BUILD, ("meson", "compile", "-C", at, *jobs), facts.folder),
    ]
    if wishes.check:
        steps.append(Step(Role.RUN, ("meson", "test", "-C", at, "--print-errorlogs"), facts.folder))
    return steps
