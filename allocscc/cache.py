"""Folders of the cache that hold one file for each content: what is not used again must go some day."""

import os


def write(path: str, data: bytes) -> None:
    """Write an entry in one step, beside other processes that may be writing the same."""
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "wb") as file:
        file.write(data)
    os.replace(temporary, path)


def touch(path: str) -> bool:
    """Whether an entry is there; it counts as new from now on."""
    try:
        os.utime(path)
    except OSError:
        return False
    return True


def tidy(folder: str, most: int) -> None:
    """Remove the older half of a folder's entries if there are too many."""
    ages = []
    for entry in os.scandir(folder):
        try:
            ages.append((entry.stat().st_mtime_ns, entry.path))
        except OSError:  # another process has just removed it
            continue
    if len(ages) > most:
        for _, path in sorted(ages)[: len(ages) // 2]:
            try:
                os.unlink(path)
            except OSError:
                continue
