"""What benchmarks/runtime.py measured: kept as JSON while it runs, and printed as text."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from benchmarks.figures import PROFILE, STUB, UNWIND, Goal, Row, Sample, failures, goals, table

BEGIN, END = "<!-- bench-runtime: begin -->", "<!-- bench-runtime: end -->"


@dataclass
class Report:
    """All of one run.

    Attributes:
        about: when, where and how, a line each.
        variants: the columns, plain first.
        rows: the programs.
        missing: columns that are left out, and why.
        queries: what a query takes, a line each.
        micro: the small figures.
    """

    about: list[str]
    variants: list[str]
    rows: list[Row] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    queries: list[str] = field(default_factory=list)
    micro: list[Goal] = field(default_factory=list)

    def text(self) -> str:
        """The whole report."""
        columns = self.variants[1:]
        lines = [*self.about, "", "wall time: plain in seconds, the others as a ratio to it"]
        lines += table(self.rows, columns, "seconds")
        lines += ["", "peak memory: plain in MiB, the others as a ratio to it"]
        lines += table(self.rows, columns, "kib")
        for name in (STUB, UNWIND, PROFILE):
            if name in self.variants:
                lines += ["", f"ours, {name}", *(goal.line() for goal in goals(self.rows, name))]
        if self.micro or self.queries:
            lines += ["", "small figures", *(goal.line() for goal in self.micro), "", *self.queries]
        left_out = [f"{name}: left out, {reason}" for name, reason in self.missing.items()]
        wrong = failures(self.rows)
        for some in (left_out, wrong):
            lines += ["", *some] if some else []
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def save(self, path: str) -> None:
        """Keep it in a file."""
        with open(path, "w", encoding="utf-8") as file:
            json.dump(asdict(self), file, indent=1)


def load(path: str) -> Report:
    """What `save` kept."""
    with open(path, encoding="utf-8") as file:
        kept = json.load(file)
    for row in kept["rows"]:
        for length in ("full", "short"):
            row[length] = {name: [Sample(*one) for one in samples] for name, samples in row[length].items()}
    kept["rows"] = [Row(**row) for row in kept["rows"]]
    kept["micro"] = [Goal(*goal) for goal in kept["micro"]]
    return Report(**kept)


def insert(path: str, text: str, command: Sequence[str]) -> None:
    """Put a report between the two marks of a document, with the command that made it."""
    with open(path, encoding="utf-8") as file:
        document = file.read()
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no {BEGIN} followed by {END}")
    block = f"{BEGIN}\n```\n$ {' '.join(command)}\n{text}```\n{END}"
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + block + after)
