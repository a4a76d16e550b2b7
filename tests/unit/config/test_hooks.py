"""The project's Python hooks: `allocscc.config.hooks`."""

import os

import pytest

from allocscc.config.hooks import call_hook
from allocscc.errors import ConfigError, HookError


@pytest.fixture
def hook(tmp_path):
    """`hook(text)`: the path of a hook file."""

    def written(text):
        path = tmp_path / "hooks.py"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return written


def test_call(hook):
    """R2: the function gets the arguments, and its result comes back; the file knows where it is."""
    path = hook("import os\ndef plan(a, b):\n    return a, b, os.path.basename(__file__), __name__\n")
    assert call_hook(path, "plan", 1, [2]) == (1, [2], "hooks.py", "allocs_hooks")


def test_functions_see_each_other(hook):
    """R2: a hook is a module: helpers, constants, closures."""
    path = hook("N = 3\ndef helper():\n    return N\ndef plan():\n    return [helper() for _ in range(2)]\n")
    assert call_hook(path, "plan") == [3, 3]


def fail(path, *arguments):
    with pytest.raises(HookError) as caught:
        call_hook(path, "plan", *arguments)
    assert isinstance(caught.value, ConfigError)
    assert caught.value.status == 78
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("def plan():\n    x = 1\n    raise ValueError('no good')\n", 3, "the hook failed: ValueError: no good"),
        ("def plan():\n    return helper()\ndef helper():\n    return 1 / 0\n", 4, "ZeroDivisionError"),
        ("def plan():\n    import os\n    os.open('/no/such/file', 0)\n", 3, "FileNotFoundError"),
        ("\nimport no_such_module\n", 2, "ModuleNotFoundError"),
        ("import sys\nsys.exit(3)\n", 2, "SystemExit: 3"),
        ("def plan():\n    plan()\n", 2, "RecursionError"),
        ("def plan():\n  return (\n", 2, "the hook is not Python: '(' was never closed"),
        ("def plan(:\n", 1, "the hook is not Python: "),
        ("\n\ndef plan(a, b, c):\n    pass\n", 3, "TypeError: plan() missing 3 required positional arguments"),
    ],
)
def test_failure_names_file_and_line(hook, text, line, what):
    """R2: an error in a hook names the hook's own file and line, also where it came from deeper down."""
    path = hook(text)
    message = fail(path)
    assert message.startswith(f"{path}:{line}: ")
    assert what in message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the hook defines no function plan()"),
        ("plan = 3\n", "the hook defines no function plan()"),
        (b"# \xff\n", "the hook is not Python: 'utf-8' codec can't decode byte 0xff"),
        (b"\0", "the hook is not Python: source code string cannot contain null bytes"),
        ("-" * 200_000 + "1", "the hook is not Python: nested too deeply"),
        ("plan = len\n", "the hook failed: TypeError: len() takes"),
    ],
    ids=lambda text: repr(text)[:30],
)
def test_no_hook(hook, text, what):
    """R2: a file that is no hook is told with its name."""
    path = hook(text)
    message = fail(path)
    assert message.startswith(path)
    assert what in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.py", "No such file or directory"),
        (".", "not a regular file"),
        ("fifo", "not a regular file"),
        ("dangling", "No such file or directory"),
    ],
)
def test_unreadable(tmp_path, name, reason):
    """R2: a hook that cannot be read is an error; a pipe is not waited for."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "dangling").symlink_to("nowhere")
    path = os.path.join(tmp_path, name)
    assert fail(path) == f"{path}: the hook cannot be read: {reason}"


def test_interruption_is_not_caught(hook):
    """R3: Ctrl-C ends the build."""
    with pytest.raises(KeyboardInterrupt):
        call_hook(hook("def plan():\n    raise KeyboardInterrupt\n"), "plan")
