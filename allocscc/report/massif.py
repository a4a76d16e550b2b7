"""A profile as massif writes it, for ms_print and massif-visualizer.

Source of the format: what `ms_print` of valgrind reads (a `#` begins a comment; a tree node is `nCHILDREN: BYTES NAME`,
its children follow it).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from allocscc.report.frames import frames, left_out, outermost, printable, total, written
from allocscc.report.profile import Profile

_RULE = "#-----------"
# ms_print cuts lines at "#": the full-width sign instead.
_NO_COMMENT = str.maketrans("#", "\uff03")


@dataclass
class _Node:
    """A node of the tree of bytes: children by name."""

    bytes: int = 0
    children: dict[str, "_Node"] = field(default_factory=dict)


@dataclass(frozen=True)
class _Snapshot:
    """A moment: milliseconds, live bytes, and which count its tree shows ("": no tree)."""

    ms: int
    live: int
    tree: str = ""
    count: str = ""


def render(profile: Profile) -> str:
    """Snapshots: the start, the time line, the peak with its tree, and the writing of the profile with its tree."""
    lines = [f"desc: {_description(profile)}", f"cmd: {printable(profile.program) or 'unknown program'}"]
    lines.append("time_unit: ms")
    for number, snapshot in enumerate(_snapshots(profile)):
        lines += [_RULE, f"snapshot={number}", _RULE, f"time={snapshot.ms}", f"mem_heap_B={snapshot.live}"]
        lines += ["mem_heap_extra_B=0", "mem_stacks_B=0", f"heap_tree={snapshot.tree or 'empty'}"]
        if snapshot.tree:
            lines += _tree_lines("(all allocators)", _tree(profile, snapshot.count), 0)
    # The rules are comments, and the only ones.
    return "".join(f"{line if line == _RULE else line.translate(_NO_COMMENT)}\n" for line in lines)


def _description(profile: Profile) -> str:
    notes = [f"allocscc, written {written(profile)}", left_out(profile.rows)]
    if profile.counted and not profile.timeline:
        notes.append("no time line (interval=SECONDS): the peak is shown at the end")
    if not profile.counted:
        notes.append("the peak was not counted")
    return "; ".join(note for note in notes if note)


def _snapshots(profile: Profile) -> Iterator[_Snapshot]:
    sums = total(outermost(profile.rows))
    samples = profile.timeline
    end = max([profile.ms, *(sample.ms for sample in samples)])
    at = max(range(len(samples)), key=lambda n: samples[n].live_bytes) if samples else -1
    if not samples or samples[0].ms > 0:
        yield _Snapshot(0, 0)
    for number, sample in enumerate(samples):
        yield _Snapshot(sample.ms, sample.live_bytes)
        if number == at and profile.counted:
            # It was between this sample and one of its neighbours.
            yield _Snapshot(sample.ms, sums.peak_bytes, "peak", "peak_bytes")
    if not samples and profile.counted:
        yield _Snapshot(end, sums.peak_bytes, "peak", "peak_bytes")
    yield _Snapshot(end, sums.live_bytes, "detailed", "live_bytes")


def _tree(profile: Profile, count: str) -> _Node:
    root = _Node()
    for row in outermost(profile.rows):
        size = getattr(row.counts, count)
        if not size:
            continue
        node = root
        node.bytes += size
        for frame in frames(row):
            node = node.children.setdefault(frame.label(), _Node())
            node.bytes += size
    return root


def _tree_lines(name: str, node: _Node, depth: int) -> Iterator[str]:
    yield f"{' ' * depth}n{len(node.children)}: {node.bytes} {name}"
    for label, child in sorted(node.children.items(), key=lambda item: -item[1].bytes):
        yield from _tree_lines(label, child, depth + 1)
