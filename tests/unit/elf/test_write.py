"""Objects that hold one section: `allocscc.elf.write`."""

import io
import shutil
import subprocess

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given
from hypothesis import strategies as st

from allocscc.elf.object import ET_REL, ElfObject
from allocscc.elf.write import data_object


@given(st.binary(max_size=300), st.sampled_from([62, 183]))
def test_read_back(contents, machine):
    """R15: our reader and an independent one find the section; it is not loaded, and the stack not executable."""
    data = data_object(b".allocs.plan", contents, machine)
    ours = ElfObject(data, "x.o")
    assert (ours.type, ours.machine) == (ET_REL, machine)
    assert ours.contents(ours.section(b".allocs.plan")) == contents
    theirs = ELFFile(io.BytesIO(data))
    section = theirs.get_section_by_name(".allocs.plan")
    assert section.data() == contents
    assert section["sh_flags"] == 0
    assert theirs.get_section_by_name(".note.GNU-stack")["sh_size"] == 0
    assert [s.name for s in theirs.iter_sections()] == ["", ".allocs.plan", ".note.GNU-stack", ".shstrtab"]


@pytest.mark.parametrize("linker", ["ld.bfd", "ld.gold", "ld.lld", "mold"])
def test_linkers_take_it(tmp_path, linker):
    """R6: each linker puts the section into its output, and warns of nothing."""
    if shutil.which(linker) is None:
        pytest.skip(f"not installed: {linker} (.ci/run installs it)")
    (tmp_path / "x.o").write_bytes(data_object(b".allocs.plan", b"plan\n", 62))
    command = [linker, "-m", "elf_x86_64", "-shared", "x.o", "-o", "x.so"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    linked = ElfObject((tmp_path / "x.so").read_bytes(), "x.so")
    assert linked.contents(linked.section(b".allocs.plan")) == b"plan\n"
