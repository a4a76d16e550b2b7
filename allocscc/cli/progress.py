"""What is going on, on stderr, where work takes longer than a second and a person is looking."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_DELAY = 1.0  # seconds


@contextmanager
def working(text: str, delay: float = _DELAY) -> Iterator[None]:
    """Say `text` beside a spinner while the body runs, if it runs longer than `delay` seconds; on a terminal only."""
    if not sys.stderr.isatty():
        yield
        return
    lock, shown = threading.Lock(), list[Any]()
    done = threading.Event()

    def show() -> None:
        from rich.console import Console  # 50 ms that only slow work pays

        with lock:
            if not done.is_set():
                status = Console(stderr=True).status(text)
                status.start()
                shown.append(status)

    timer = threading.Timer(delay, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            done.set()
            for status in shown:
                status.stop()
