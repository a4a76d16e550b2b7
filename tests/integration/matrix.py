"""The table of links: where a function of a role is defined, what is linked, by which tools (issue 5).

One program for each case: a caller refers to the function by a direct call, by a pointer made in code and by one in
initialised data, in an executable or in a shared object; `main` asks the runtime what it knows of the three chunks.
`docs/link-matrix.md` is made of this table: `.venv/bin/python3 -m tests.integration.matrix`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

WORKS, REPORTED = "works", "reported"

CALLER = """
#include <stddef.h>
struct node { int a[5]; };
typedef void *getter(size_t);
extern getter *volatile pointer_in_code, *const pointer_in_data;
%s
getter *volatile pointer_in_code;
getter *const pointer_in_data = get;
__attribute__((visibility("default"))) void three(void **out)
{
	out[0] = get(sizeof(struct node));
	pointer_in_code = get;
	out[1] = pointer_in_code(sizeof(struct node) + 1);
	out[2] = pointer_in_data(sizeof(struct node) + 2);
}
__attribute__((visibility("default"))) int same(void) { return pointer_in_code == pointer_in_data; }
"""
MAIN = """
#include <stdio.h>
#include "allocs.h"
void three(void **);
int same(void);
int main(void)
{
	void *p[3];
	long sum = 0;
	three(p);
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 20 + i; j++)
			((char *)p[i])[j] = i + j;
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 20 + i; j++)
			sum += ((char *)p[i])[j];
	/* what the program itself does: the same without us, where the chunks lie included */
	printf("%ld %td %td %d\\n", sum, (char *)p[1] - (char *)p[0], (char *)p[2] - (char *)p[1], same());
	if (!alloc_get_allocator)
		return 0;
	for (int i = 0; i < 3; i++) {
		const struct allocator *a = alloc_get_allocator(p[i]);
		const struct alloc_wrapper *w = alloc_get_wrapper(p[i]);
		const char *type = alloc_get_type(p[i]);
		fprintf(stderr, "%s %s %s %zu\\n", w ? w->name : "-", a ? a->name : "-", type ? type : "-",
			alloc_get_size(p[i]));
	}
	return 0;
}
"""
# Further members of the archive: one that the wrapper pulls in, and one that nobody does.
PULLED, UNPULLED = "__attribute__((used)) int calls;\n", "__attribute__((used)) int unpulled;\n"
_MALLOC = "#include <stdlib.h>\n"
_WRAPPER = '[wrapper.get]\nalloc = ["get(Z)p"]\n'
_POOL = """
static char arena[4096] __attribute__((aligned(16)));
static size_t used;
%s *get(size_t n) { void *p = arena + used; used += (n + 63) & ~(size_t)31; return p; }
"""


@dataclass(frozen=True)
class Definition:
    """Where and how the function is defined.

    Attributes:
        name: what it is called in the table.
        source: its C.
        place: `same` (the caller's file), `object`, `archive`, `ours` or `foreign` (a shared object of its own).
        config: what the project says of it.
        wrapper: the wrapper's name that the runtime has to give, or "-".
    """

    name: str
    source: str
    place: str = "object"
    config: str = _WRAPPER
    wrapper: str = "get"


DEFINITIONS = (
    Definition("wrapper in an object", f"{_MALLOC}void *get(size_t n) {{ return malloc(n); }}\n"),
    Definition("wrapper in the caller's file", f"{_MALLOC}void *get(size_t n) {{ return malloc(n); }}\n", "same"),
    Definition("static wrapper", f"{_MALLOC}static void *get(size_t n) {{ return malloc(n); }}\n", "same",
               '[wrapper.get]\nalloc = ["caller.c::get(Z)p"]\n'),
    Definition("wrapper in an archive",
               f"{_MALLOC}extern int calls;\nvoid *get(size_t n) {{ calls++; return malloc(n); }}\n", "archive"),
    Definition("weak wrapper", f"{_MALLOC}__attribute__((weak)) void *get(size_t n) {{ return malloc(n); }}\n"),
    Definition("hidden wrapper",
               f'{_MALLOC}__attribute__((visibility("hidden"))) void *get(size_t n) {{ return malloc(n); }}\n'),
    Definition("alias", f'{_MALLOC}void *impl(size_t n) {{ return malloc(n); }}\n'
               'void *get(size_t n) __attribute__((alias("impl")));\n'),
    Definition("ifunc", f"{_MALLOC}static void *impl(size_t n) {{ return malloc(n); }}\n"
               "static void *(*pick(void))(size_t) { return impl; }\n"
               'void *get(size_t n) __attribute__((ifunc("pick")));\n'),
    Definition("wrapper in a shared object of ours", f"{_MALLOC}void *get(size_t n) {{ return malloc(n); }}\n", "ours"),
    Definition("wrapper in a foreign shared object", f"{_MALLOC}void *get(size_t n) {{ return malloc(n); }}\n",
               "foreign"),
    Definition("allocator of the project", "#include <stddef.h>\n" + _POOL % "void", "object",
               '[allocator.get]\nsuballocates = "*"\nalloc = ["get(Z)p"]\n', "-"),
    Definition("allocator in the caller's file", "#include <stddef.h>\n" + _POOL % "void", "same",
               '[allocator.get]\nsuballocates = "*"\nalloc = ["get(Z)p"]\n', "-"),
    Definition("a family that replaces malloc", "#include <stddef.h>\n" + _POOL % "void", "object",
               '[allocator.get]\nalloc = ["get(Z)p"]\ninterpose = "preload"\n', "-"),
)  # fmt: skip


@dataclass(frozen=True)
class Output:
    """What is linked: its name in the table, the options of its compiles and of its link, whether it is shared."""

    name: str
    compile: tuple[str, ...]
    link: tuple[str, ...]
    shared: bool = False


OUTPUTS = (
    Output("PIE", ("-fPIE",), ("-pie",)),
    Output("no PIE", ("-fno-pie",), ("-no-pie",)),
    Output("static", ("-fno-pie",), ("-static",)),
    Output("static PIE", ("-fPIE",), ("-static-pie",)),
    Output("shared object", ("-fPIC",), ("-shared",), True),
    Output("shared, -Bsymbolic", ("-fPIC",), ("-shared", "-Wl,-Bsymbolic"), True),
)


@dataclass(frozen=True)
class Tools:
    """Compiler, linker and the options for LTO."""

    compiler: str
    linker: str
    lto: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How the table calls them."""
        return " ".join([self.compiler, self.linker, *(["LTO"] if self.lto else [])])


TOOLS = (
    *(Tools("gcc", linker) for linker in ("bfd", "gold", "lld", "mold")),
    *(Tools("clang", linker) for linker in ("bfd", "lld")),
    *(Tools("gcc", linker, ("-flto", "-O2")) for linker in ("bfd", "gold", "mold")),
)


@dataclass(frozen=True)
class Case:
    """One cell of the table."""

    definition: Definition
    output: Output
    tools: Tools

    @property
    def name(self) -> str:
        """For test reports."""
        return f"{self.definition.name}-{self.output.name}-{self.tools.name}"

    @property
    def impossible(self) -> str:
        """Why the plain tools can't do it, or ""."""
        static = self.output.name.startswith("static")
        if static and self.definition.place in ("ours", "foreign"):
            return "a static program has no shared objects"
        if self.output.name == "static PIE" and self.tools.linker == "gold":
            return "gold knows no --no-dynamic-linker"
        return ""

    @property
    def crashes(self) -> bool:
        """Whether the program may crash when it is linked without us: mold 1.10 and an ifunc in a static program."""
        return self.definition.name == "ifunc" and self.output.name == "static" and self.tools.linker == "mold"

    @property
    def expected(self) -> str:
        """`WORKS`, or `REPORTED`: not observed, and the plan says so."""
        if self.tools.lto and self.definition.place not in ("ours", "foreign"):
            return REPORTED  # the linker's plugin takes the definition out of the intermediate code
        return WORKS


CASES = tuple(Case(d, o, t) for d in DEFINITIONS for o in OUTPUTS for t in TOOLS)


def rendered() -> str:
    """The table as Markdown."""
    lines = [
        "# Which links are observed",
        "",
        "Each cell is a test of its own (`tests/integration/test_matrix.py`), which builds a program, runs it and asks",
        "the runtime about three chunks: from a direct call, from one through a pointer made in code, and through one",
        "in initialised data. `works`: all three have allocator, wrapper, type and size. `reported`: not observed, and",
        "`allocs explain` says so and why. `-`: the tools themselves cannot do it.",
        "",
        "In each cell every link is proved, too (`allocs explain --verify`): made with and without us, every",
        "difference explained. The program prints what it prints when it is built without us; a shared object exports",
        "the same names, a program those and the runtime's, and both links take the same members of archives.",
        "",
        "This file is made by `.venv/bin/python3 -m tests.integration.matrix`.",
        "",
    ]
    for tools in TOOLS:
        lines += [f"## {tools.name}", "", "| defined as | " + " | ".join(o.name for o in OUTPUTS) + " |"]
        lines.append("|---|" + "---|" * len(OUTPUTS))
        for definition in DEFINITIONS:
            cells = [Case(definition, output, tools) for output in OUTPUTS]
            shown = ["-" if case.impossible else case.expected for case in cells]
            lines.append(f"| {definition.name} | " + " | ".join(shown) + " |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    path = Path(__file__).parents[2] / "docs" / "link-matrix.md"
    path.write_text(rendered(), encoding="utf-8")
    sys.stdout.write(f"{path}\n")
