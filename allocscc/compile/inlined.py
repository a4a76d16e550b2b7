"""Which calls were inlined around a place in the machine code, from the debug info in the assembly text.

An inlined call is an entry DW_TAG_inlined_subroutine with the code's ranges and the place of the call (DWARF 5,
3.3.8.2); gcc and clang write them at their lowest level of debug info, too. A place is inside a range if it stands
between the range's two labels: both are in one run of instructions.
"""

import re
from bisect import bisect_left

from allocscc.compile.asm import file_table
from allocscc.compile.dwarftext import first_directive
from allocscc.compile.dwarfunit import Call, DebugInfo, Function, Labels, Unit
from allocscc.values import dataclass

_LABEL = re.compile(r"\n([\w.$]+):")
_FUNCTION = "function\n"


@dataclass(frozen=True)
class Frame:
    """A call that was inlined.

    Attributes:
        function: which was called.
        file: the caller's, as in `.file`, with its folder; "" if unknown.
        line: 1-based, 0 if unknown.
        column: 1-based, 0 if unknown.
    """

    function: Function
    file: str
    line: int
    column: int


def inlined_frames(text: str, positions: list[int], cwd: str) -> list[tuple[Frame, ...]]:
    """The calls that were inlined around each position, innermost first; nothing where the text does not tell.

    Args:
        text: assembly.
        positions: offsets of instructions, in ascending order.
        cwd: folder that relative names are relative to where the text does not say.
    """
    found: list[list[Frame]] = [[] for _ in positions]
    try:
        info = DebugInfo(text)
        labels = _labels_around(text, positions) if info.has_inlined_calls else {}
        files = file_table(text, cwd) if labels else {}
        for start, end in info.units if labels else []:
            at = first_directive(text, start, end)
            while at < end:
                unit = Unit(info, at, end)
                for pairs, entry in unit.inlined(labels):
                    hits = [hit for low, high in pairs for hit in range(
                        bisect_left(positions, labels[low]), bisect_left(positions, labels[high]))]  # fmt: skip
                    if hits:
                        frame = _frame(unit.call(entry), files)
                    for hit in hits:
                        found[hit].append(frame)
                at = unit.end
    except (LookupError, ValueError, OverflowError):
        pass  # not as a compiler writes it: what was read up to here is right, of the rest nothing is known
    return [tuple(reversed(frames)) for frames in found]


def _frame(call: Call, files: dict[int, str]) -> Frame:
    return Frame(call.function, files.get(call.file, "") if call.line > 0 else "", call.line, call.column)


def _labels_around(text: str, positions: list[int]) -> Labels:
    """Offsets of all labels in the functions that hold the positions; a `.cold` part is a function of its own."""
    labels: Labels = {}
    end = 0
    for position in positions:
        if position < end:
            continue
        start = max(text.rfind(_FUNCTION, 0, position), end)
        end = text.find(_FUNCTION, position)
        end = end if end >= 0 else len(text)
        labels.update([(match[1], match.start()) for match in _LABEL.finditer(text, start, end)])
    return labels
