"""What tells whether a page of the guide shows the truth: it has to find every kind of lie."""

import subprocess

import pytest

from tests import transcripts
from tests.transcripts import Block

PAGE = """
# One

```c title="a.c"
# no heading
```

```console
$ echo one; echo two >&2
one
two
$ false
$ echo $?
1
```

# Two

```toml
x = 1
```
"""


def told(session: str) -> list[str]:
    """What differs when a session is run."""
    todo = transcripts.commands(session)
    printed = subprocess.run(["sh", "-c", transcripts.script(todo)], capture_output=True, text=True, check=False).stdout
    return list(transcripts.problems(todo, printed, "/nowhere"))


def test_blocks_and_sections() -> None:
    blocks = transcripts.blocks(PAGE)
    assert [(block.kind, block.file) for block in blocks] == [("c", "a.c"), ("console", ""), ("toml", "allocscc.toml")]
    one, two = transcripts.sections("page", PAGE)
    assert (one.name, len(one.blocks)) == ("page:One", 2)
    assert two.blocks == [Block("toml", "", "x = 1\n")]


def test_a_true_session() -> None:
    session = transcripts.blocks(PAGE)[1].text
    assert told(session) == []
    assert told("$ x=1\n$ echo $x\n1\n$ printf 'a\\nb\\nc\\n'\na\n...\n$ echo 17 at 0x1234\n1… at 0xabc\n") == []


@pytest.mark.parametrize(
    "session",
    [
        "$ echo one\ntwo\n",
        "$ echo one\n",
        "$ printf 'a\\nb\\n'\na\n",
        "$ printf 'a\\nb\\n'\nb\na\n",
        "$ true\none\n",
        "$ false\n",
        "$ exit 0\n$ echo one\none\n",
        "$ printf 'ab\\ncd\\n'\na…d\n",
        "$ echo 1x1\n0x1\n",
    ],
)
def test_a_lie(session: str) -> None:
    assert told(session) != []


def test_prompts() -> None:
    session = (
        '$ sh -c \'while read word; do printf "(gdb) %s\\n" "got $word"; done; printf "(gdb) "\'\n(gdb) a\ngot a\n'
    )
    assert told(session) == []
    assert told(session.replace("got a\n", "got b\n")) != []
