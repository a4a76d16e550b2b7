"""A backend of a project's own: each allocation is a line of text on standard error."""

import os
from collections.abc import Sequence

from allocscc.backends.interface import Additions, Backend, Link, Records
from allocscc.gastext import quote
from allocscc.sidecar import Site


class TextLog(Backend):
    """See docs/backends.md."""

    name = "textlog"

    def compile_flags(self, family: str) -> list[str]:
        """Programs may ask who they are built for."""
        return [f'-DTEXTLOG="{family}"']

    def records(self, text: str, sites: Sequence[Site]) -> Records | None:
        """The sites as text, in a section of the object."""
        lines = "".join(f"\t.ascii {quote(f'{site.callee} {site.line} {site.type}{chr(10)}')}\n" for site in sites)
        return Records({}, f'\t.pushsection .textlog,"",@progbits\n{lines}\t.popsection\n')

    def wraps(self, family: str, suballocates: bool) -> bool:
        """Also libc's."""
        return True

    def stub_header(self) -> str:
        """The macros, beside this file."""
        return os.path.join(os.path.dirname(__file__), "textlog.h")

    def additions(self, link: Link) -> Additions:
        """A mark that the link was ours."""
        return Additions(options=["--defsym=textlog_linked=1"])

    def finish(self, link: Link, signatures: dict[str, str], suballocators: Sequence[str]) -> None:
        """A file beside the output with what was looked for."""
        with open(f"{link.output}.looked-for", "w", encoding="utf-8") as file:
            file.write("".join(f"{signature}\n" for signature in sorted(signatures.values())))


def backend() -> Backend:
    """What allocscc calls."""
    return TextLog()
