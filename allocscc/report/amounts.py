"""Bytes and chunks: how they are added, written for people, and read from a command line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from allocscc.errors import UsageError

_SIZE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([kKMGT]?)(i?)(B?)", re.ASCII)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


@dataclass(frozen=True)
class Amount:
    """So many bytes in so many chunks; a difference may be negative."""

    bytes: int = 0
    chunks: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.bytes + other.bytes, self.chunks + other.chunks)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.bytes - other.bytes, self.chunks - other.chunks)


@dataclass(frozen=True)
class Threshold:
    """A size that a person gave: bytes, or a share (0 to 1) of a total.

    Attributes:
        bytes: the size, if it is no share.
        share: the part of the total, or None.
    """

    bytes: int = 0
    share: float | None = None

    def of(self, total: int) -> float:
        """The size in bytes, given the total in bytes."""
        return self.bytes if self.share is None else self.share * total


def parse_size(text: str) -> Threshold:
    """A size as a command line has it: `4096`, `10K`, `1.5M`, `2MiB`, `3%`. K, M are decimal as in reports, Ki binary.

    Raises:
        UsageError: it is none.
    """
    if text.endswith("%"):
        try:
            share = float(text[:-1]) / 100
        except ValueError:
            share = -1.0
        if 0 <= share < float("inf"):
            return Threshold(share=share)
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"'{text}' is no size; write it as 4096, 10K, 1.5M, 2MiB or 3%")
    number, unit, binary, _ = found.groups()
    return Threshold(int(float(number) * (1024 if binary else 1000) ** _POWERS[unit.lower()]))


def human_bytes(count: int) -> str:
    """A number of bytes with at most four digits and a decimal unit: 999 B, 1.02 kB, 65.0 MB."""
    return _scaled(count, ("B", "kB", "MB", "GB", "TB", "PB", "EB"))


def human_count(count: int) -> str:
    """A number with at most four digits: 999, 1.02k, 1.04M."""
    return _scaled(count, ("", "k", "M", "G", "T", "P", "E")).replace(" ", "")


def _scaled(count: int, units: Sequence[str]) -> str:
    value, unit = float(count), 0
    while abs(value) >= 999.5 and unit + 1 < len(units):
        value /= 1000
        unit += 1
    digits = 0 if unit == 0 or abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2
    return f"{value:.{digits}f} {units[unit]}"
