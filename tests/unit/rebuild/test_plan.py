"""Which commands rebuild which tree; nothing is run."""

import pytest

from allocscc.errors import UsageError
from allocscc.rebuild.model import Case, Expected, Facts, Kind, Role, Wishes
from allocscc.rebuild.plan import jobs_of, kind_of

WISHES = Wishes("/opt/bin/allocscc", "/opt/bin/allocsc++", "/scratch")
COMPILERS = ("CC=/opt/bin/allocscc", "CXX=/opt/bin/allocsc++")


def tree(*names, **facts):
    return Facts("/src/thing", frozenset(names), **facts)


def wishes(**changes):
    return Wishes(**{**vars(WISHES), **changes})


def commands(facts, wished=WISHES):
    """The commands of the only job."""
    (job,) = jobs_of(facts, wished)
    return [step.argv for step in job.steps]


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("Makefile", "a.c"), Kind.MAKE),
        (("GNUmakefile",), Kind.MAKE),
        (("configure", "configure.ac", "CMakeLists.txt", "meson.build"), Kind.AUTOTOOLS),
        (("CMakeLists.txt", "meson.build", "Makefile"), Kind.CMAKE),
        (("meson.build",), Kind.MESON),
    ],
)
def test_kinds(names, kind):
    """R17: what stands at the top of a tree says what builds it."""
    assert kind_of(tree(*names)) == kind


def test_a_folder_of_cases():
    """R17: an mk.inc is enough; without one, folders like NAME/NAME.c are cases only in a folder named tests."""
    with_fragment, without = (Case("a", fragment=True), Case("b")), (Case("a"), Case("b"))
    assert kind_of(tree("Makefile", "a", "b", cases=with_fragment)) == Kind.CASES
    assert kind_of(Facts("/src/tests", frozenset(), without)) == Kind.CASES
    assert kind_of(tree("Makefile", cases=without)) == Kind.MAKE
    with pytest.raises(UsageError, match="--kind cases"):
        kind_of(tree(cases=without))


@pytest.mark.parametrize(("names", "said"), [(("configure.ac",), "autoreconf -i"), (("a.c",), "looked for configure")])
def test_no_kind(names, said):
    """R17: what to do next."""
    with pytest.raises(UsageError, match=said):
        jobs_of(tree(*names), WISHES)


def test_make():
    """R17: everything again, by cleaning or by -B; variables of the command line win in make."""
    assert commands(tree("Makefile")) == [("make", "-B", *COMPILERS)]
    cleaned = commands(tree("Makefile", rules=frozenset({"clean"})), wishes(jobs=3, words=("linux", "X=1")))
    assert cleaned == [("make", "clean"), ("make", "-j3", *COMPILERS, "linux", "X=1")]


@pytest.mark.parametrize(
    ("rules", "rule"),
    [({"check", "test"}, "check"), ({"test"}, "test"), (set(), "check")],
    ids=["both", "test", "none"],
)
def test_make_check(rules, rule):
    """R17: a tree's own tests are its run."""
    (job,) = jobs_of(tree("Makefile", rules=frozenset(rules)), wishes(check=True))
    assert job.expected == Expected.PASS
    assert (job.steps[-1].role, job.steps[-1].argv) == (Role.RUN, ("make", *COMPILERS, rule))


def test_configure():
    """R17: configured if it is not; with the arguments of before, but our compilers, if it is."""
    assert commands(tree("configure")) == [("./configure", *COMPILERS), ("make",)]
    again = commands(
        tree("configure", "Makefile", "config.status", rules=frozenset({"clean"}),
             configured=("--prefix=/a b", "CC=gcc", "CFLAGS=-O1", "CXX=g++")),
        wishes(words=("--disable-x",)),
    )  # fmt: skip
    assert again == [
        ("make", "clean"),
        ("./configure", "--prefix=/a b", "CFLAGS=-O1", "--disable-x", *COMPILERS),
        ("make",),
    ]
    assert commands(tree("configure", "Makefile")) == [("make", "-B", *COMPILERS)]


def test_configure_elsewhere():
    """R17: --build-dir."""
    (job,) = jobs_of(tree("configure"), wishes(build_folder="/b"))
    assert [(step.argv[0], step.folder) for step in job.steps] == [("/src/thing/configure", "/b"), ("make", "/b")]


def test_cmake():
    """R17: a build folder of its own."""
    compilers = ("-DCMAKE_C_COMPILER=/opt/bin/allocscc", "-DCMAKE_CXX_COMPILER=/opt/bin/allocsc++")
    at = "/src/thing/build-allocscc"
    first = commands(tree("CMakeLists.txt"), wishes(words=("-DX=1",)))
    assert first == [
        ("cmake", "-S", "/src/thing", "-B", at, *compilers, "--no-warn-unused-cli", "-DX=1"),
        ("cmake", "--build", at),
    ]
    again = commands(tree("CMakeLists.txt", built=True), wishes(jobs=2, check=True, build_folder="/b"))
    assert again[1:] == [
        ("cmake", "--build", "/b", "--clean-first", "--parallel", "2"),
        ("ctest", "--output-on-failure"),
    ]


def test_meson():
    """R17: compilers in the environment, where meson looks; a folder that exists is set up anew with its options."""
    (job,) = jobs_of(tree("meson.build", built=True), wishes(jobs=2, check=True, words=("-Dx=true",)))
    at = "/src/thing/build-allocscc"
    assert [step.argv for step in job.steps] == [
        ("meson", "setup", "--wipe", at, "/src/thing", "-Dx=true"),
        ("meson", "compile", "-C", at, "-j", "2"),
        ("meson", "test", "-C", at, "--print-errorlogs"),
    ]
    assert job.steps[0].env == (("CC", "/opt/bin/allocscc"), ("CXX", "/opt/bin/allocsc++"))
    assert jobs_of(tree("meson.build"), WISHES)[0].expected == Expected.BUILD


def test_a_case():
    """R17: make's own rules with mk.inc; CC in the environment, where mk.inc may say otherwise."""
    facts = tree("Makefile", "a", cases=(Case("a", fragment=True),), rules=frozenset({"_onlyrun-"}))
    (job,) = jobs_of(facts, wishes(words=("CFLAGS=-O0",)))
    above, build, below, run = job.steps
    assert above.argv[:3] == ("make", "-f", "Makefile")
    assert above.folder == "/src/thing"
    assert build.argv == ("make", "-B", "-f", "mk.inc", "CFLAGS=-O0", "a")
    assert (build.folder, build.source) == ("/src/thing/a", dict(above.env)["ALLOCSCC_PROBE"])
    assert ("CC", "/opt/bin/allocscc") in build.env
    assert below.argv[:5] == ("make", "-f", "../Makefile", "-f", "mk.inc")
    assert (run.argv, run.source, run.preloads) == (("./a",), dict(below.env)["ALLOCSCC_PROBE"], True)
    assert [step.shown for step in job.steps] == [False, True, False, True]


@pytest.mark.parametrize(
    ("rules", "argv"),
    [
        ({"clean", "_onlyrun-"}, [("make", "-f", "../Makefile", "clean"), ("make", "a")]),
        ({"clean"}, [("make", "-B", "a"), ("make", "-f", "/dev/null")]),
    ],
    ids=["conventions", "none"],
)
def test_a_makefile_with_and_without_conventions(rules, argv):
    """R17: what is not made to be read from a case's folder is not."""
    facts = tree("Makefile", "a", cases=(Case("a"),), rules=frozenset(rules))
    (job,) = jobs_of(facts, wishes(kind=Kind.CASES))
    assert job.steps[1].source == dict(job.steps[0].env)["ALLOCSCC_PROBE"]
    assert [step.argv[: len(words)] for step, words in zip(job.steps[1:], argv, strict=False)] == argv


def test_a_case_alone():
    """R17: without a makefile beside the cases, and without an mk.inc."""
    facts = Facts("/src/tests", frozenset({"nopreload-a"}), (Case("nopreload-a"),))
    (job,) = jobs_of(facts, WISHES)
    build, below, run = job.steps
    assert (build.argv, build.source) == (("make", "-B", "nopreload-a"), "")
    assert below.argv[:3] == ("make", "-f", "/dev/null")
    assert not run.preloads


@pytest.mark.parametrize(
    ("name", "expected"),
    [("abort-x", Expected.ABORT), ("fail-x", Expected.FAIL), ("failing", Expected.PASS), ("x", Expected.PASS)],
)
def test_expectations_by_name(name, expected):
    """R17: liballocs' convention."""
    (job,) = jobs_of(Facts("/tests", frozenset(), (Case(name),)), WISHES)
    assert job.expected == expected


def test_only():
    """R17: globs; nothing found is a mistake."""
    facts = Facts("/tests", frozenset(), tuple(map(Case, ("alloca", "malloc-in-exe", "offsetof"))))
    assert [job.name for job in jobs_of(facts, wishes(only=("mal*", "offsetof")))] == ["malloc-in-exe", "offsetof"]
    with pytest.raises(UsageError, match=r"no case with a name like x\*"):
        jobs_of(facts, wishes(only=("x*",)))


@pytest.mark.parametrize(
    ("facts", "wished", "said"),
    [
        (tree("Makefile"), {"only": ("a",)}, "no cases that --only"),
        (tree("Makefile"), {"build_folder": "/b"}, "--copy"),
        (tree("a", cases=(Case("a", fragment=True),)), {"words": ("all",)}, "'all' is no variable"),
    ],
)
def test_what_cannot_be_wished(facts, wished, said):
    """R17: an option that would do nothing is told."""
    with pytest.raises(UsageError, match=said):
        jobs_of(facts, wishes(**wished))
