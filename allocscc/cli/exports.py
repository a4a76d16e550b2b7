"""A profile for other viewers: HTML, pprof, folded stacks, DHAT's, massif's."""

import importlib

from plumbum import cli

from allocscc.cli.output import write_output
from allocscc.cli.shown import Pictured
from allocscc.report.profile import Profile

_FORMATS = ("html", "pprof", "folded", "dhat", "massif")


def _to(name: str, what: str) -> "cli.SwitchAttr[str]":
    return cli.SwitchAttr(f"--{name}", str, argname="FILE", group="Exports", help=what)


class Exporting(Pictured):
    """The options; each takes a file, `-` for standard output."""

    html = _to("html", "write a page for a browser; '-' is standard output, here and below")
    pprof = _to("pprof", "write a profile for pprof (profile.proto, gzip)")
    folded = _to("folded", "write folded stacks, for flamegraph.pl, inferno or speedscope")
    dhat = _to("dhat", "write a file for DHAT's viewer, dh_view.html")
    massif = _to("massif", "write a file for ms_print or massif-visualizer")
    hide_wrappers = cli.Flag("--hide-wrappers", help="with --pprof: leave out the frames of wrappers")

    @property
    def exports(self) -> bool:
        """Whether a file was asked for."""
        return any(getattr(self, name) for name in _FORMATS)

    def export(self, profile: Profile) -> None:
        """Write all files that were asked for."""
        for name in _FORMATS:
            path = getattr(self, name)
            if not path:
                continue
            module = importlib.import_module(f"allocscc.report.{name}")
            extra: dict[str, object] = {}
            if name == "pprof":
                extra["hide_wrappers"] = bool(self.hide_wrappers)
            elif name == "folded":
                extra["count"] = f"{self.measure(counted=profile.counted)}_bytes"
            write_output(str(path), module.render(profile, **extra))
