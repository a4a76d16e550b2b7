"""What `Makefile.meta` makes of an output: the sites that machine code and source lines agree on.

As liballocs' tools do: calls come from `objdump -dl`, with the place that was printed last before each; lines from
section .allocs_srcallocs. They match if their files are the same text and their lines are; the first line that fits
counts.
"""

import os
import re
import subprocess
import sys

_PLACE = re.compile(r"^(/.*):(\d+)(?: \(discriminator \d+\))?$")
_CALL = re.compile(r"^\s*[0-9a-f]+:.*\t(?:call|jmp)q?\s+(?:[0-9a-f]+ <([\w.$]+)|(\*))")
_CODE = re.compile(r"^\s*([0-9a-f]+):\t")


def main(program: str) -> None:
    named = " ".join(os.environ.get(f"LIBALLOCS_{kind}_FNS", "") for kind in ("ALLOC", "SUBALLOC", "ALLOCSZ"))
    names = {word.partition("(")[0] for word in named.split()} | {"malloc", "calloc", "realloc", "memalign"}
    section = f"/tmp/contract-{os.getpid()}"
    subprocess.run(["objcopy", "-Obinary", "-j.allocs_srcallocs", program, section], check=True)
    with open(section) as file:
        lines = [line.split("\t") for line in file.read().splitlines()]
    os.unlink(section)
    text = subprocess.run(["objdump", "-dl", program], capture_output=True, text=True, check=True).stdout
    place: tuple[str, int] = ("", 0)
    called: tuple[str, int] | None = None
    for line in text.splitlines():
        if found := _PLACE.match(line):
            place = found[1], int(found[2])
        if called and (code := _CODE.match(line)):
            fits = [row for row in lines if (row[0], int(row[1])) == called]
            if fits:
                print(code[1], fits[0][4], fits[0][5], sep="\t")
            called = None
        call = _CALL.match(line)
        is_alloca = call is not None and (call[1] or "").startswith("__monalloca_")
        if call and (
            is_alloca or call[2] or any((call[1] or "").removeprefix("__wrap_").split(".")[0] == name for name in names)
        ):
            called = place


main(sys.argv[1])
