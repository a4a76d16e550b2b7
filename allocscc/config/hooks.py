"""Calls the project's own Python hooks (R2)."""

import os

from allocscc.errors import HookError


def call_hook(path: str, name: str, *arguments: object) -> object:
    """Run a hook file and call its function.

    Args:
        path: the Python file.
        name: the function that it has to define.
        arguments: what the function gets.

    Returns:
        Whatever the function gives.

    Raises:
        HookError: the file cannot be read, defines no such function, or raised; the message has file and line.
    """
    if os.path.exists(path) and not os.path.isfile(path):  # opening a pipe might wait forever
        raise HookError(f"{path}: the hook cannot be read: not a regular file")
    try:
        with open(path, encoding="utf-8") as file:
            code = compile(file.read(), path, "exec")
    except OSError as error:
        raise HookError(f"{path}: the hook cannot be read: {error.strerror}") from error
    except SyntaxError as error:
        raise HookError(f"{path}:{error.lineno}: the hook is not Python: {error.msg}") from error
    except ValueError as error:  # not UTF-8, or with NUL
        raise HookError(f"{path}: the hook is not Python: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise HookError(f"{path}: the hook is not Python: nested too deeply") from error
    namespace: dict[str, object] = {"__file__": path, "__name__": "allocs_hooks"}
    function: object = None
    try:
        exec(code, namespace)
        function = namespace.get(name)
        if not callable(function):
            raise HookError(f"{path}: the hook defines no function {name}()")
        return function(*arguments)
    except HookError:
        raise
    except (Exception, SystemExit) as error:
        where = _place(error, path, function)
        raise HookError(f"{where}: the hook failed: {type(error).__name__}: {error}") from error


def _place(error: BaseException, path: str, function: object) -> str:
    """The innermost line of the hook's own file that the error came through, or else where the function begins."""
    import traceback  # 3 ms that only a failing hook pays

    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    if not lines and hasattr(function, "__code__"):  # it does not take what it was given
        lines = [function.__code__.co_firstlineno]
    return f"{path}:{lines[-1]}" if lines else path
