"""What every reader of foreign files promises: a right result or an error of ours, nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nothing_but(kind: type[Exception], *phrases: str) -> Iterator[None]:
    """Let the block succeed or raise `kind`, whose message then has one of `phrases`; all else is a failure."""
    try:
        yield
    except kind as error:
        if phrases and not any(phrase in str(error) for phrase in phrases):
            raise AssertionError(f"the message does not say where: {error}") from error
