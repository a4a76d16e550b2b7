"""Profiles while a program runs and when it ends: options, threads, fork, full disks, kills (issue 6, item 5; R18)."""

import json
import os
import signal
import stat
import subprocess
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.integration.conftest import PROGRAMS, ROOT, Toolbox, lines_of, one

EVERY = ("profile", "signal", "interval", "every", "leaks", "leak-status")


def read(path: Path) -> dict[str, object]:
    """A profile as it stands; it has to be whole."""
    body: dict[str, object] = json.loads(path.read_text())
    assert body["allocscc_profile"] == 1
    return body


def series(box: Toolbox, options: str, *args: str) -> list[dict[str, object]]:
    """Build series.c, run it with options, and give the profiles in order of their names."""
    box.allocscc("-O0", PROGRAMS / "series.c", "-o", "prog")
    done = box.run(box.folder / "prog", *args, env={"ALLOCS_OPTIONS": options})
    assert (done.stdout, done.stderr) == ("", "")
    return [read(path) for path in sorted(box.folder.glob("p*.json"))]


def live(body: dict[str, object]) -> int:
    """Live bytes of all rows."""
    return sum(int(row["live_bytes"]) for row in body["rows"])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("profile", "'profile' ignored: profile= wants the name of a file"),
        ("profile=", "'profile=' ignored: profile= wants the name of a file"),
        ("signal=USR3", "'signal=USR3' ignored: signal= wants a signal that a program may catch, like USR2"),
        ("signal=KILL", "'signal=KILL' ignored: signal= wants a signal that a program may catch, like USR2"),
        ("signal=11", "'signal=11' ignored: signal= wants a signal that a program may catch, like USR2"),
        ("interval=0", "'interval=0' ignored: interval= wants seconds, at least 0.001"),
        ("interval=1s", "'interval=1s' ignored: interval= wants seconds, at least 0.001"),
        ("interval=", "'interval=' ignored: interval= wants seconds, at least 0.001"),
        ("every=10X", "'every=10X' ignored: every= wants bytes, like 64M"),
        ("every=99999999999999999999", "'every=99999999999999999999' ignored: every= wants bytes, like 64M"),
        ("leaks=", "'leaks=' ignored: leaks= wants 0, 1 or the name of a file"),
        ("leak-status=256", "'leak-status=256' ignored: leak-status= wants an exit status from 0 to 255"),
        ("interval=1", "signal=, interval= and every= do nothing without profile=FILE"),
    ],
)
def test_bad_options(box: Toolbox, options: str, message: str) -> None:
    """R18: each gets one line, and the program runs."""
    box.allocscc(PROGRAMS / "peak.c", "-o", "prog")
    done = box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": options})
    assert done.stderr == f"allocscc: ALLOCS_OPTIONS: {message}\n"
    assert sorted(os.listdir(box.folder)) == ["prog"]


def test_an_unknown_option(box: Toolbox) -> None:
    """R18: the message names those that there are."""
    box.allocscc(PROGRAMS / "peak.c", "-o", "prog")
    (line,) = box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": "bogus=1"}).stderr.splitlines()
    start = "allocscc: ALLOCS_OPTIONS: 'bogus=1' ignored: there is no such option; known are "
    assert line.startswith(start)
    assert set(EVERY) <= set(line.removeprefix(start).split(", "))


def test_nothing_is_written_unless_asked(box: Toolbox) -> None:
    """Issue 6: no file without an option, and empty options are none."""
    box.allocscc(PROGRAMS / "peak.c", "-o", "prog")
    for options in ("", ":", "::"):
        assert box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": options}).stderr == ""
    assert sorted(os.listdir(box.folder)) == ["prog"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
def test_set_user_id_programs_ignore_options(box: Toolbox) -> None:
    """Issue 6: a program that runs with another's rights takes no options from its caller."""
    box.allocscc(PROGRAMS / "peak.c", "-o", "prog")
    program = box.folder / "prog"
    os.chmod(program, 0o4755)
    box.folder.chmod(0o777)
    for folder in [box.folder, *box.folder.parents][:-1]:
        if not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    words = ["setpriv", "--reuid=65534", "--clear-groups", str(program)]
    options = {"ALLOCS_OPTIONS": f"profile={box.folder}/p.json:bogus=1"}
    done = box.run(*words, env=options)
    assert done.stderr == ""
    assert not (box.folder / "p.json").exists()


def test_names(box: Toolbox) -> None:
    """R18: %p, %n and %%; a name is relative to where the program started."""
    text = '#include <stdlib.h>\n#include <unistd.h>\nint main(void) { return !malloc(1) || chdir("/"); }\n'
    source = box.write("away.c", text)
    box.allocscc("-O0", source, "-o", "prog")
    for name, expected in (("a%%b.json", "a%b.json"), ("n%n", "n0001"), ("x%y", "x%y"), ("100%", "100%")):
        box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": f"profile={name}"})
        assert read(box.folder / expected)["reason"] == "exit"
    box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": "profile=p%p"})
    (found,) = box.folder.glob("p[0-9]*")
    assert read(found)["pid"] == int(found.name[1:])


def test_devices_and_pipes_stay_what_they_are(box: Toolbox) -> None:
    """R18: what is no regular file is written to, not replaced."""
    box.allocscc("-O0", PROGRAMS / "peak.c", "-o", "prog")
    done = box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": "profile=/dev/stdout"})
    assert json.loads(done.stdout)["counted"] is True
    with open(box.folder / "out", "w") as out:
        env = {**box.env, "ALLOCS_OPTIONS": "profile=/dev/stdout"}
        subprocess.run([box.folder / "prog"], stdout=out, env=env, check=True)
    assert read(box.folder / "out")["reason"] == "exit"
    os.mkfifo(box.folder / "pipe")
    script = "cat pipe > got & ALLOCS_OPTIONS=profile=pipe ./prog && wait"
    box.run("sh", "-c", script)
    assert read(box.folder / "got")["reason"] == "exit"
    assert stat.S_ISFIFO((box.folder / "pipe").stat().st_mode)
    before = os.stat("/dev/null")
    assert box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": "profile=/dev/null"}).stderr == ""
    assert os.stat("/dev/null").st_rdev == before.st_rdev


def test_at_intervals(box: Toolbox) -> None:
    """Issue 6, 5: with %n each profile has a file of its own, and the last one has the whole time line."""
    found = series(box, "profile=p%n.json:interval=0.05", "20")
    assert [body["number"] for body in found] == list(range(1, len(found) + 1))
    assert len(found) > 4
    assert [body["reason"] for body in found] == ["interval"] * (len(found) - 1) + ["exit"]
    sizes = [live(body) for body in found]
    assert sizes == sorted(sizes)
    assert sizes[-1] == 20 * 100 * 1000
    times, sizes, chunks = zip(*found[-1]["timeline"], strict=True)  # type: ignore[call-overload]
    assert list(times) == sorted(times)
    assert list(sizes) == sorted(sizes)
    assert (sizes[-1], chunks[-1]) == (20 * 100 * 1000, 20 * 100)
    assert len(times) > 10
    assert not list(box.folder.glob("*.tmp"))


def test_without_a_number_the_last_one_stays(box: Toolbox) -> None:
    """Issue 6, 5: a program that is killed leaves the last profile from before."""
    box.allocscc("-O0", PROGRAMS / "series.c", "-o", "prog")
    env = {**box.env, "ALLOCS_OPTIONS": f"profile={box.folder}/p.json:interval=0.02"}
    process = subprocess.Popen([box.folder / "prog", "1000"], env=env)
    while not (box.folder / "p.json").exists() or read(box.folder / "p.json")["number"] < 5:  # type: ignore[operator]
        time.sleep(0.01)
    process.kill()
    process.wait()
    body = read(box.folder / "p.json")
    assert body["reason"] == "interval"
    assert live(body) > 0
    assert sorted(os.listdir(box.folder)) == ["p.json", "prog"]


def test_every_so_many_bytes(box: Toolbox) -> None:
    """Issue 6, 5: a profile after each so many bytes more, whether they live or not."""
    found = series(box, "profile=p%n.json:every=250K", "20")
    reasons = [body["reason"] for body in found]
    assert reasons == ["every"] * (len(reasons) - 1) + ["exit"]
    assert 5 <= len(found) <= 9  # 2 MB in all
    for before, after in pairwise(found[:-1]):
        assert live(after) - live(before) >= 250 * 1024


def test_on_a_signal(box: Toolbox) -> None:
    """Issue 6, 5: only if asked; the program goes on as if nothing had come."""
    found = series(box, "profile=p%n.json:signal=USR2", "6", "raise")
    assert [body["reason"] for body in found] == ["signal"] * 6 + ["exit"]
    assert [live(body) for body in found[:6]] == [100_000 * n for n in range(1, 7)]
    done = box.run(box.folder / "prog", "1", "raise", check=False, env={"ALLOCS_OPTIONS": "profile=p.json"})
    assert done.returncode == -signal.SIGUSR2


@pytest.mark.parametrize("options", ["signal=USR1", "interval=0.01", "every=1K"])
def test_the_helper_is_not_seen(box: Toolbox, options: str) -> None:
    """R3: no signal reaches it, no file is open for it, it is not in the profile, and main may end by pthread_exit."""
    source = box.write(
        "seen.c",
        "#include <dirent.h>\n#include <fcntl.h>\n#include <pthread.h>\n#include <signal.h>\n#include <stdio.h>\n"
        "#include <stdlib.h>\n#include <unistd.h>\n"
        "static void *last(void *arg) { usleep(50000); return arg; }\n"
        "int main(int n, char **v) { sigset_t s; sigprocmask(SIG_BLOCK, 0, &s);\n"
        ' for (int i = 1; i < 65; i++) if (sigismember(&s, i) == 1) printf("blocked %d\\n", i);\n'
        ' printf("%d\\n", open("/dev/null", O_RDONLY)); fflush(stdout);\n'
        " void *volatile p = malloc(5);\n pthread_t t;\n"
        " if (n > 1) { pthread_create(&t, 0, last, 0); pthread_exit(0); }\n"
        " usleep(50000); return 0; }\n",
    )
    box.allocscc("-O0", "-w", source, "-o", "prog", "-pthread")
    env = {"ALLOCS_OPTIONS": f"profile=p.json:{options}"}
    assert box.run(box.folder / "prog", env=env).stdout == "3\n"
    both = (box.report(box.folder / "p.json"), box.profile("prog"))
    keys = ("line", "object", "symbol", "live_chunks", "live_bytes", "total_chunks")  # the peak of two threads is vague
    with_helper, without = (sorted(str([row[key] for key in keys]) for row in rows) for rows in both)
    assert with_helper == without
    assert box.run("timeout", "10", box.folder / "prog", "x", env=env).stdout == "3\n"


@pytest.mark.parametrize("options", ["", ":interval=0.01", ":signal=USR2"])
def test_fork_in_the_middle_of_everything(box: Toolbox, options: str) -> None:
    """Issue 6, 5: one file a process, all of them whole, also of children forked while other threads allocate."""
    source = PROGRAMS / "storm.c"
    box.allocscc("-O1", source, "-o", "prog", "-pthread")
    done = box.run("timeout", "60", box.folder / "prog", "40", env={"ALLOCS_OPTIONS": f"profile=p%p.json{options}"})
    assert done.stderr == ""
    found = list(box.folder.glob("p*.json"))
    assert len(found) == 41
    for path in found:
        body = read(path)
        assert str(body["pid"]) in path.name
        assert body["reason"] == "exit"
    counts = []
    for path in found:
        rows = box.report(path) if len(counts) < 5 else []
        counts += [row["live_chunks"] for row in rows if row["line"] == lines_of(source, "/* child */")]
    assert set(counts) <= {100}
    assert sorted(os.listdir(box.folder)) == sorted([path.name for path in found] + ["prog"])


def test_one_name_for_all_is_the_first_process_own(box: Toolbox) -> None:
    """Issue 6, 5: without %p a forked child writes nothing, also not at intervals."""
    source = PROGRAMS / "storm.c"
    box.allocscc("-O1", source, "-o", "prog", "-pthread")
    box.run("timeout", "60", box.folder / "prog", "5", env={"ALLOCS_OPTIONS": "profile=p.json:interval=0.01"})
    assert one(box.report(box.folder / "p.json"), line=lines_of(source, "/* parent */"))["live_bytes"] == 78
    assert not [row for row in box.report(box.folder / "p.json") if row["line"] == lines_of(source, "/* child */")]


def test_exec(box: Toolbox) -> None:
    """Issue 6, 5: the program that a process becomes writes in its turn; what it was before writes nothing."""
    source = box.write(
        "becomes.c",
        "#include <stdlib.h>\n#include <unistd.h>\nint main(int n, char **v) {\n"
        " void *volatile p = malloc(n > 1 ? 100 : 200); (void)p;\n"
        " if (n > 1) execl(v[0], v[0], (char *)0);\n return 0; }\n",
    )
    box.allocscc("-O0", source, "-o", "prog")
    box.run(box.folder / "prog", "x", env={"ALLOCS_OPTIONS": "profile=p%p.json:interval=0.001"})
    (path,) = box.folder.glob("p*.json")
    assert live(read(path)) == 200


def test_other_ends_write_nothing(box: Toolbox) -> None:
    """Issue 6, 5: _exit, quick_exit, abort and a deadly signal are no exit."""
    source = box.write(
        "ends.c",
        "#include <signal.h>\n#include <stdlib.h>\n#include <unistd.h>\nint main(int n, char **v) {\n"
        " void *volatile p = malloc(1); (void)p;\n"
        " switch (v[1][0]) { case '_': _exit(0); case 'q': quick_exit(0); case 'a': abort(); } raise(SIGTERM); }\n",
    )
    box.allocscc("-O0", source, "-o", "prog")
    for how in "_qas":
        box.run(box.folder / "prog", how, check=False, env={"ALLOCS_OPTIONS": "profile=p.json"})
    assert sorted(os.listdir(box.folder)) == ["ends.c", "prog"]


def many_sites(box: Toolbox) -> None:
    """A program with a profile of some size: 2,000 sites."""
    calls = "\n".join(f" p[{n}] = malloc({n + 1});" for n in range(2000))
    text = f"#include <stdlib.h>\n#include <unistd.h>\nvoid *p[2000];\nint main(int n, char **v) {{\n{calls}\n"
    box.write("many.c", text + " while (n > 1) usleep(1000);\n return 3; }\n")
    box.allocscc("-O0", "many.c", "-o", "prog")


def test_a_kill_in_the_middle_leaves_no_part(box: Toolbox) -> None:
    """Issue 6, 5: the file is whole or not there, and nothing else is left behind."""
    many_sites(box)
    env = {**box.env, "ALLOCS_OPTIONS": f"profile={box.folder}/p.json:interval=0.001"}
    for n in range(30):
        process = subprocess.Popen([box.folder / "prog", "x"], env=env)
        time.sleep(0.005 + n * 0.0011)
        process.kill()
        process.wait()
        left = set(os.listdir(box.folder)) - {"many.c", "prog"}
        # killed between two system calls, it leaves a whole profile under another name
        assert left <= {"p.json", f"p.json.{process.pid}.tmp"}
        for name in left:
            assert isinstance(read(box.folder / name)["rows"], list)  # to its end: it is JSON
            os.unlink(box.folder / name)


def test_no_room(box: Toolbox) -> None:
    """Issue 6, 5: a limit or a full disk is told in one line; the status is the program's, and no part is left."""
    many_sites(box)
    done = box.run("sh", "-c", "ulimit -f 8; ALLOCS_OPTIONS=profile=p.json ./prog", check=False)
    assert done.returncode == 3
    assert done.stderr == f"allocscc: cannot write the profile '{box.folder}/p.json': File too large\n"
    assert sorted(os.listdir(box.folder)) == ["many.c", "prog"]
    done = box.run(box.folder / "prog", check=False, env={"ALLOCS_OPTIONS": "profile=/dev/full"})
    assert done.returncode == 3
    assert done.stderr == "allocscc: cannot write the profile '/dev/full': No space left on device\n"
    done = box.run("sh", "-c", "ALLOCS_OPTIONS=profile=/dev/stdout ./prog | :; echo ended", check=False)
    assert (done.stdout, done.stderr) in (
        ("ended\n", "allocscc: cannot write the profile '/dev/stdout': Broken pipe\n"),
        ("ended\n", ""),
    )


def test_a_full_disk(box: Toolbox) -> None:
    """Issue 6, 5: a small file system of its own; one line, the program's status, and no part."""
    many_sites(box)
    (box.folder / "disk").mkdir()
    if box.run("unshare", "-rm", "mount", "-t", "tmpfs", "none", "disk", check=False).returncode:
        pytest.skip("no file system can be mounted here")
    script = "mount -t tmpfs -o size=64k none disk && { ALLOCS_OPTIONS=profile=disk/p.json ./prog; echo $?; ls disk; }"
    done = box.run("unshare", "-rm", "sh", "-c", script)
    assert done.stdout == "3\n"
    assert done.stderr == f"allocscc: cannot write the profile '{box.folder}/disk/p.json': No space left on device\n"


def test_an_earlier_profile_stays_where_the_new_one_fails(box: Toolbox) -> None:
    """Issue 6, 5: the old file is replaced by a whole new one or not at all."""
    many_sites(box)
    box.run(box.folder / "prog", check=False, env={"ALLOCS_OPTIONS": "profile=p.json"})
    before = (box.folder / "p.json").read_bytes()
    box.run("sh", "-c", "ulimit -f 8; ALLOCS_OPTIONS=profile=p.json ./prog", check=False)
    assert (box.folder / "p.json").read_bytes() == before


def test_snapshots_from_many_threads(box: Toolbox) -> None:
    """R18: the API may be called by several threads at once, in a program whose others allocate."""
    source = box.write(
        "snaps.c",
        "#include <allocs.h>\n#include <pthread.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
        "static void *shoot(void *n) { char name[20]; for (int i = 0; i < 20; i++) { free(malloc(100 + i));\n"
        ' sprintf(name, "s%d-%d.json", (int)(long)n, i); if (alloc_snapshot(name)) abort(); } return 0; }\n'
        "int main(void) { pthread_t t[4]; for (long i = 0; i < 4; i++) pthread_create(&t[i], 0, shoot, (void *)i);\n"
        " for (int i = 0; i < 4; i++) pthread_join(t[i], 0); return 0; }\n",
    )
    box.allocscc("-O0", source, "-o", "prog", "-pthread")
    for options in ("", "profile=p.json"):
        box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": options})
        found = list(box.folder.glob("s*.json"))
        assert len(found) == 80
        assert {read(path)["reason"] for path in found} == {"api"}
        assert {read(path)["counted"] for path in found} == {bool(options)}


def test_a_million_chunks(box: Toolbox) -> None:
    """Issue 6: a profile of a million live chunks takes at most a second."""
    source = box.write(
        "million.c",
        "#include <allocs.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <time.h>\n"
        "static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t);\n"
        " return t.tv_sec + t.tv_nsec / 1e9; }\n"
        "int main(void) { void *volatile p; for (int i = 0; i < 1000000; i++) p = malloc(136);\n"
        ' double t = now(); if (alloc_snapshot("p.json")) return 1; printf("%f\\n", now() - t); return 0; }\n',
    )
    box.allocscc("-O1", source, "-o", "prog")
    for options in ("", "profile=q.json"):
        assert float(box.run(box.folder / "prog", env={"ALLOCS_OPTIONS": options}).stdout) < 1
        assert one(box.report(box.folder / "p.json"), live_chunks=1_000_000)["live_bytes"] == 136_000_000


def test_the_documentation() -> None:
    """docs/profiles.md has every option; what it shows is run by test_docs.py."""
    text = (ROOT / "docs" / "profiles.md").read_text()
    assert all(f"`{option}=" in text for option in EVERY)
