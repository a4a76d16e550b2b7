"""gdb commands about the heap of a program built by allocscc, on a live process or a core file.

    (gdb) source .../stubgen/allocs-gdb.py
    (gdb) info alloc PTR      everything that is known of the chunk around an address
    (gdb) info allocators     every allocator instance, its parent, its chunks
    (gdb) info wrappers       every wrapper, and the allocators that were observed under it

Nothing in the program is called or changed: all is read from memory, where the table `__allocs_layout` says that it is
(stubgen/runtime/layout.c). That symbol is in the dynamic symbol table, and is looked for by its contents where a
stripped static program has none, so no debug info and no symbols are needed.
"""

# ruff: noqa: ARG002 (gdb says what arguments a command has)

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

import gdb

_MAGIC = b"allocs.layout\n\1\0"
_ENTRY = struct.Struct("<32sQ")
_PIECE = 1 << 20
_PAGE = 4096
_ZEROS = bytes(_PIECE)
_LOST = (1 << 64) - 1  # the address of a site whose object is gone


class Memory:
    """The program's memory, read with a table of names for offsets and places."""

    def __init__(self) -> None:
        if gdb.selected_thread() is None:
            raise gdb.GdbError("There is no process and no core file.")
        self._inferior = gdb.selected_inferior()
        self.layout = self._layout()

    def bytes(self, address: int, size: int) -> bytes:
        """Some bytes; an address that cannot be read is gdb's own error."""
        return self._inferior.read_memory(address, size).tobytes()

    def word(self, address: int) -> int:
        """A pointer, or another 64-bit number."""
        return int.from_bytes(self.bytes(address, 8), "little")

    def half(self, address: int) -> int:
        """A 32-bit number."""
        return int.from_bytes(self.bytes(address, 4), "little")

    def text(self, address: int) -> str | None:
        """A string; None for a null pointer."""
        found = b""
        while address and b"\0" not in found:
            size = 64 - address % 64  # never beyond a page
            found += self.bytes(address, size)
            address += size
        return found.split(b"\0")[0].decode("utf-8", "backslashreplace") if address else None

    def field(self, base: int, name: str) -> int:
        """The pointer in a structure's field."""
        return self.word(base + self.layout[name])

    def number(self, base: int, name: str) -> int:
        """The 32-bit number in a structure's field."""
        return self.half(base + self.layout[name])

    def string(self, base: int, name: str) -> str | None:
        """The string that a structure's field points to."""
        return self.text(self.field(base, name))

    def chain(self, head: str, following: str) -> Iterator[int]:
        """The members of a linked list."""
        at = self.word(self.layout[head])
        while at:
            yield at
            at = self.field(at, following)

    def words(self, start: int, count: int, width: int) -> Iterator[tuple[int, int]]:
        """Which words of an array are not 0: their numbers and values."""
        word = struct.Struct("<I" if width == 4 else "<Q")
        for low, size in self._touched(start, count * width):
            data = self.bytes(low, size)
            for page in range(0, size, _PAGE):
                part = data[page : page + _PAGE]
                if part != _ZEROS[: len(part)]:
                    first = (low - start + page) // width
                    yield from ((first + i, w) for i, (w,) in enumerate(word.iter_unpack(part)) if w)

    def _touched(self, start: int, size: int) -> Iterator[tuple[int, int]]:
        """Pieces of a range, without pages that were never written to where the kernel tells of them.

        An index is large and almost empty; reading a page that was never touched would give the program that page.
        """
        end = start + size
        try:
            with open(f"/proc/{self._inferior.pid}/pagemap", "rb") as file:
                if not self._is_native():
                    raise OSError
                while start < end:
                    first, count = start // _PAGE, min((end - 1) // _PAGE - start // _PAGE + 1, _PIECE // 8)
                    file.seek(first * 8)
                    known = file.read(count * 8)
                    if len(known) != count * 8:
                        raise OSError
                    for i, (page,) in enumerate(struct.iter_unpack("<Q", known)):
                        if page >> 62:
                            low = max(start, (first + i) * _PAGE)
                            yield low, min(end, (first + i + 1) * _PAGE) - low
                    start = (first + count) * _PAGE
                return
        except OSError:
            pass
        while start < end:
            piece = min(end, start // _PIECE * _PIECE + _PIECE) - start
            if self.bytes(start, piece) != _ZEROS[:piece]:
                yield start, piece
            start += piece

    def _is_native(self) -> bool:
        """Whether /proc has this process, and not one of a core file's number or of another machine."""
        connection = getattr(self._inferior, "connection", None)
        return connection is not None and connection.type == "native"

    def _layout(self) -> dict[str, int]:
        for address in self._candidates():
            try:
                if self.bytes(address, len(_MAGIC)) != _MAGIC:
                    continue
                version, count = self.half(address + 16), self.half(address + 20)
                table = self.bytes(address + 24, count * _ENTRY.size)
            except gdb.MemoryError:
                continue
            if version != 1:
                raise gdb.GdbError(f"This program's runtime has a layout of version {version}; this script reads 1.")
            return {name.rstrip(b"\0").decode(): value for name, value in _ENTRY.iter_unpack(table)}
        raise gdb.GdbError("There is no runtime in this program: it was not linked by allocscc.")

    def _candidates(self) -> Iterator[int]:
        """Where the table may be: at its symbol, else where its first bytes are."""
        try:
            yield int(gdb.parse_and_eval("(unsigned long)&__allocs_layout"))
        except gdb.error:
            pass
        sections = gdb.execute("info files", to_string=True)
        for low, high in re.findall(r"(0x\w+) - (0x\w+) is \.(?:rodata|data\.rel\.ro|data)$", sections, re.M):
            start, end = int(low, 16), int(high, 16)
            while start < end:
                try:
                    found = self._inferior.search_memory(start, end - start, _MAGIC)
                except gdb.error:
                    break
                if found is None:
                    break
                yield int(found)
                start = int(found) + 1


class Site(NamedTuple):
    """One call instruction; None or 0 for what is not known of it."""

    address: int
    file: str | None = None
    function: str | None = None
    callee: str | None = None
    type: str | None = None
    evidence: str | None = None
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if self.file is None:
            return self._symbol()
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return f"{self.function or '?'} at {place}"

    def _symbol(self) -> str:
        """What the debugger knows of code that was not built by allocscc."""
        if self.address == _LOST:
            return "an object that is unloaded"
        said = gdb.execute(f"info symbol {self.address - 1:#x}", to_string=True).strip()
        return f"{self.address:#x}" if said.startswith("No symbol") else f"{self.address:#x}, {said}"


class Node(NamedTuple):
    """Who allocated: an allocator's or a wrapper's call at a site."""

    owner: int
    parent: int
    is_frame: bool
    site: Site


class Chunk(NamedTuple):
    """A live chunk."""

    allocator: int
    base: int
    size: int
    id: int


class Index:
    """Which chunks start where, as stubgen/runtime/rt.h has it; a start is a base, a size and an id."""

    def __init__(self, memory: Memory, at: int) -> None:
        self._memory = memory
        self.root, self.shift = memory.field(at, "alloc_index.root"), memory.number(at, "alloc_index.shift")
        self.is_narrow = bool(memory.number(at, "alloc_index.narrow"))
        self.width = 4 if self.is_narrow else 8

    def leaf(self, p: int) -> int:
        """The leaf that has an address's words, or 0."""
        layout = self._memory.layout
        if not self.root or p >> layout["address_bits"]:
            return 0
        return self._memory.word(self.root + 8 * (p >> layout["leaf_bits"]))

    def last_start(self, p: int, low: int) -> tuple[int, int, int] | None:
        """The chunk that starts last at or before an address, in the granules from that of `low` on."""
        leaf, bits = self.leaf(p), self._memory.layout["leaf_bits"]
        if not leaf:
            return None
        inside = (1 << bits) - 1
        first, last = (low & inside) >> self.shift, (p & inside) >> self.shift
        end = min(last + 3, 1 << bits - self.shift)  # a large size stands in two words behind
        data = self._memory.bytes(
            leaf + self._memory.layout["leaf.word"] + self.width * first, self.width * (end - first)
        )
        words = struct.iter_unpack("<I" if self.is_narrow else "<Q", data)
        entries = ((first + i, word) for i, (word,) in enumerate(words) if word)
        return max((s for s in self.starts(entries, p >> bits << bits) if s[0] <= p), default=None)

    def starts(self, words: Iterator[tuple[int, int]], leaf: int) -> Iterator[tuple[int, int, int]]:
        """The chunks of a leaf's words, of which those that are 0 are left out; `leaf` is the first address."""
        layout = self._memory.layout
        for i, word in words:
            granule = leaf + (i << self.shift)
            if not self.is_narrow:
                offset = word & (1 << layout["offset_bits"]) - 1
                size = word >> layout["size_shift"] & (1 << layout["size_bits"]) - 1
                yield granule + offset, size, word >> layout["id_shift"]
                continue
            flags = word & (layout["narrow_children"] | layout["narrow_closer"])
            if flags == layout["narrow_children"]:
                continue  # of a size, whose chunk starts before what was asked for
            size = word >> layout["narrow_size_shift"] & layout["narrow_large"]
            if size == layout["narrow_large"]:
                parts = [next(words, (0, 0))[1] >> layout["narrow_size_shift"] for _ in range(2)]
                size = parts[1] << layout["narrow_more_bits"] | parts[0]
            yield granule + (word & 1) * layout["narrow_offset_unit"], size, word >> layout["narrow_id_shift"]


class Heap:
    """What the runtime knows, as stubgen/runtime/query.c would tell it."""

    def __init__(self) -> None:
        self.memory = Memory()
        self._records: dict[int, Site] | None = None

    def allocators(self) -> list[int]:
        """All instances."""
        return list(self.memory.chain("allocators", "allocator.next"))

    def chunks_around(self, p: int) -> list[Chunk]:
        """The chunks that hold an address, innermost first."""
        found = [chunk for a in self.allocators() if (chunk := self._find(a, p)) is not None]
        return sorted(found, key=lambda c: (c.size, -self._depth(c.allocator)))

    def walk(self, allocator: int) -> Iterator[Chunk]:
        """All chunks of an instance."""
        m, index = self.memory, Index(self.memory, self.memory.field(allocator, "allocator.index"))
        bits, per_leaf = m.layout["leaf_bits"], 1 << m.layout["leaf_bits"] - index.shift
        roots = m.words(index.root, 1 << m.layout["address_bits"] - bits, 8) if index.root else ()
        for i, leaf in roots:
            for start in index.starts(m.words(leaf + m.layout["leaf.word"], per_leaf, index.width), i << bits):
                yield Chunk(allocator, *start)

    def count(self, allocator: int) -> int:
        """How many chunks an instance has handed out."""
        m, number = self.memory, self.memory.number(allocator, "allocator.number")
        if not number:  # its object is gone
            return m.field(allocator, "allocator.alloc_count")
        at = m.layout["thread.allocs"] + 8 * number
        return sum(m.word(thread + at) for thread in m.chain("threads", "thread.next")) & _LOST

    def nodes(self, id_: int) -> list[Node]:
        """A chunk's node, then its wrappers' from the innermost to the outermost."""
        found = []
        while id_:
            found.append(self.node(id_))
            id_ = found[-1].parent
        return found

    def node(self, id_: int) -> Node:
        """One node."""
        m = self.memory
        bits = m.layout["node_block_bits"]
        at = m.word(m.layout["nodes"] + 8 * (id_ >> bits)) + (id_ & (1 << bits) - 1) * m.layout["node"]
        made, is_frame = m.field(at, "node.site"), m.number(at, "node.kind") == m.layout["node_frame"]
        address = m.field(at, "node.site_address")
        site = self._site(made, address) if made else self._recorded(address)
        return Node(m.field(at, "node.owner"), m.number(at, "node.parent"), is_frame, site)

    def typed(self, nodes: list[Node]) -> Site | None:
        """The site that says the type: the outermost one that knows, as chunk_type_site in sites.c."""
        found = None
        for node in nodes:
            is_sized = node.is_frame and node.owner and self.memory.number(node.owner, "alloc_wrapper.sized")
            if is_sized:
                found = None
            if node.site.type and (node.site.evidence != "cast" or not node.parent or is_sized):
                found = node.site
        return found

    def observed(self) -> dict[int, list[int]]:
        """The allocators that were seen under each wrapper."""
        found: dict[int, dict[int, None]] = {}
        for id_ in range(1, self.memory.half(self.memory.layout["node_count"]) + 1):
            owner, parent, is_frame = self._links(id_)
            while not is_frame and owner and parent:
                wrapper, parent, _ = self._links(parent)
                found.setdefault(wrapper, {})[owner] = None
        return {wrapper: list(under) for wrapper, under in found.items()}

    def name(self, allocator: int) -> str:
        """An instance's name."""
        return (self.memory.string(allocator, "allocator.name") if allocator else None) or "?"

    def wrapper(self, wrapper: int) -> str:
        """A wrapper's name."""
        return (self.memory.string(wrapper, "alloc_wrapper.name") if wrapper else None) or "?"

    def _links(self, id_: int) -> tuple[int, int, bool]:
        """A node without its site."""
        m = self.memory
        bits = m.layout["node_block_bits"]
        at = m.word(m.layout["nodes"] + 8 * (id_ >> bits)) + (id_ & (1 << bits) - 1) * m.layout["node"]
        is_frame = m.number(at, "node.kind") == m.layout["node_frame"]
        return m.field(at, "node.owner"), m.number(at, "node.parent"), is_frame

    def _depth(self, allocator: int) -> int:
        """How far an instance is from the system, which tells who is inside where sizes do not."""
        depth, seen = 0, set[int]()
        while allocator and allocator not in seen:
            seen.add(allocator)
            depth += 1
            allocator = self.memory.field(allocator, "allocator.parent")
        return depth

    def _find(self, allocator: int, p: int) -> Chunk | None:
        """The chunk of one instance that holds an address, as index_find in index.c."""
        m = self.memory
        index = Index(m, m.field(allocator, "allocator.index"))
        bits = m.layout["block_bits"]
        block = p >> bits << bits
        found = index.last_start(p, block)
        if found is None and (leaf := index.leaf(p)):
            inside = p & (1 << m.layout["leaf_bits"]) - 1
            base = m.word(leaf + m.layout["leaf.covering"] + 8 * (inside >> bits))
            if base:
                found = index.last_start(base, base)
            elif index.is_narrow and block:
                found = index.last_start(block - 1, block - m.layout["narrow_large"])
        if found is None or p - found[0] >= max(found[1], 1):
            return None
        return Chunk(allocator, *found)

    def _site(self, at: int, address: int) -> Site:
        """One that the runtime has made."""
        m = self.memory
        texts = [m.string(at, f"alloc_site.{name}") for name in ("file", "function", "callee", "type", "evidence")]
        return Site(address, *texts, m.number(at, "alloc_site.line"), m.number(at, "alloc_site.column"))

    def _recorded(self, address: int) -> Site:
        """One that nobody has asked for yet: out of the records of the loaded objects."""
        m, layout = self.memory, self.memory.layout
        for module in m.chain("modules", "allocs_module.next"):
            first, end = m.field(module, "allocs_module.sites"), m.field(module, "allocs_module.sites_end")
            size, at = layout["site_record"], layout["site_record.return_address"]
            data = m.bytes(first, end - first)
            for offset in range(0, len(data), size):
                place = first + offset + at
                if place + int.from_bytes(data[offset + at : offset + at + 4], "little", signed=True) == address:
                    return self._from_record(first + offset, address)
        return Site(address)

    def _from_record(self, record: int, address: int) -> Site:
        m = self.memory

        def text(name: str) -> str | None:
            place = record + m.layout[f"site_record.{name}"]
            offset = int.from_bytes(m.bytes(place, 4), "little", signed=True)
            return m.text(place + offset) if offset else None

        evidence = m.number(record, "site_record.flags") & m.layout["evidence_mask"]
        known = m.text(m.word(m.layout["evidence"] + 8 * evidence)) if evidence < m.layout["evidence_count"] else None
        line, column = (m.number(record, f"site_record.{name}") for name in ("line", "column"))
        return Site(address, text("file"), text("function"), text("callee"), text("type"), known, line, column)


def _lines(rows: list[tuple[str, ...]]) -> str:
    """A table, its columns as wide as they must be."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join("  ".join(map(str.ljust, row, widths)).rstrip() + "\n" for row in rows)


def _plural(n: int, word: str) -> str:
    return f"{n} {word}{'' if n == 1 else 's'}"


class InfoAlloc(gdb.Command):
    """Everything that is known of the heap chunk around an address.

    Usage: info alloc PTR

    PTR is any expression; a pointer into the middle of a chunk will do. The chunk may be gone: then this says so.
    """

    def __init__(self) -> None:
        super().__init__("info alloc", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument: str, from_tty: bool) -> None:
        """Print it."""
        if not argument:
            raise gdb.GdbError("Usage: info alloc PTR")
        value = gdb.parse_and_eval(argument)
        if value.type.strip_typedefs().code == gdb.TYPE_CODE_ARRAY:
            value = value.address
        p, heap = int(value) & _LOST, Heap()
        chunks = heap.chunks_around(p)
        if not chunks:
            gdb.write(f"{p:#x} is in no live chunk.\n")
            return
        offset = p - chunks[0].base
        where = f"{_plural(offset, 'byte')} into" if offset else "the base of"
        gdb.write(f"{p:#x} is {where} a live chunk.\n{self._chunk(heap, chunks[0])}")
        for parent in chunks[1:]:
            gdb.write(f"It lies in this chunk:\n{self._chunk(heap, parent)}")

    def _chunk(self, heap: Heap, chunk: Chunk) -> str:
        nodes = heap.nodes(chunk.id)
        rows = [("  base", f"{chunk.base:#x}"), ("  size", _plural(chunk.size, "byte"))]
        rows.append(("  allocator", self._allocator(heap, chunk.allocator)))
        typed = heap.typed(nodes)
        rows.append(("  type", f"{typed.type} ({typed.evidence})" if typed else "unknown"))
        if nodes:
            rows.append(("  site", str(nodes[-1].site)))
        names = [heap.wrapper(node.owner) for node in nodes[:0:-1]] + [heap.name(chunk.allocator)]
        label = "  chain"
        for node, name in zip(nodes[::-1], names, strict=bool(nodes)):
            rows.append((label, f"{node.site.callee or name}, called by {node.site}" if not node.is_frame
                         else f"{name}, called by {node.site}"))  # fmt: skip
            label = ""
        return _lines(rows)

    def _allocator(self, heap: Heap, allocator: int) -> str:
        parent = heap.memory.field(allocator, "allocator.parent")
        found = heap.memory.string(allocator, "allocator.object")
        place = f" of {found}" if found else ""
        return heap.name(allocator) + place + (f", which carves up chunks of {heap.name(parent)}" if parent else "")


class InfoAllocators(gdb.Command):
    """Every allocator instance: its object, its parent, what it has handed out.

    Usage: info allocators

    `allocated` counts all chunks so far, `live` and `bytes` those that are not freed; these are counted now.
    """

    def __init__(self) -> None:
        super().__init__("info allocators", gdb.COMMAND_STATUS)

    def invoke(self, argument: str, from_tty: bool) -> None:
        """Print it."""
        heap = Heap()
        rows: list[tuple[str, ...]] = [("allocator", "object", "parent", "allocated", "live", "bytes")]
        for a in heap.allocators():
            parent = heap.memory.field(a, "allocator.parent")
            live = size = 0
            for chunk in heap.walk(a):
                live, size = live + 1, size + chunk.size
            found = heap.memory.string(a, "allocator.object") or "executable"
            if not heap.memory.number(a, "allocator.number"):
                found += " (unloaded)"
            counts = (str(heap.count(a)), str(live), str(size))
            rows.append((heap.name(a), found, heap.name(parent) if parent else "-", *counts))
        gdb.write(_lines(rows))


class InfoWrappers(gdb.Command):
    """Every wrapper, and the allocators that were observed under it.

    Usage: info wrappers
    """

    def __init__(self) -> None:
        super().__init__("info wrappers", gdb.COMMAND_STATUS)

    def invoke(self, argument: str, from_tty: bool) -> None:
        """Print it."""
        heap = Heap()
        observed = heap.observed()
        rows = [("wrapper", "allocators")]
        for w in heap.memory.chain("wrappers", "alloc_wrapper.next"):
            names = ", ".join(heap.name(a) for a in observed.get(w, []))
            rows.append((heap.wrapper(w), names or "none yet"))
        gdb.write(_lines(rows))


InfoAlloc()
InfoAllocators()
InfoWrappers()
