"""The embedded runtime: an archive for executables, an object that tells it of sites for every output."""

from __future__ import annotations

import os

from allocscc import toolchain
from allocscc.backends.interface import Additions, Backend, Link, OnStack
from allocscc.places import data_folder

# The name of a macro is not expanded in its own text.
_ON_STACK = (
    b"void __allocs_alloca(void *, __typeof__(sizeof 0), void *) "
    b'__asm__("__allocs_alloca") __attribute__((__weak__));\n'
    b"#define __builtin_alloca(n) __extension__({ __typeof__(sizeof 0) __allocs_n = (n); "
    b"void *__allocs_p = __builtin_alloca(__allocs_n); "
    b"if (__allocs_alloca) __allocs_alloca(__allocs_p, __allocs_n, __builtin_frame_address(0)); __allocs_p; })\n"
)


class Embedded(Backend):
    """The default."""

    name = "embedded"
    embeds = True
    walks = True

    def on_stack(self) -> OnStack:
        """See `Backend`."""
        return OnStack(_ON_STACK, "__allocs_alloca", leaves=True)

    def stub_files(self) -> list[str]:
        """See `Backend`."""
        return [os.path.join(data_folder("stubgen"), name) for name in ("stubgen.h", "allocs.h", "abi.h")]

    def additions(self, link: Link) -> Additions:
        """See `Backend`."""
        words: list[str] = []
        options: list[str] = []
        if not link.has_sites and link.shared:
            return Additions()
        from allocscc.backends.runtime import ensure_runtime, interposable

        runtime = ensure_runtime()
        if link.has_sites:
            flavour = toolchain.run([link.linker, "--version"]) if link.gc_sections else ""
            words.append(runtime.register_for_mold if flavour.startswith("mold") else runtime.register)
            # Records must not keep dead code alive; gold and mold have no such switch (measured, DESIGN §2).
            if flavour.startswith("GNU ld"):
                options += ["-z", "start-stop-gc"]
        if not link.shared:
            families = [family for family in link.interpose if family in interposable()]
            words += [runtime.interposers, runtime.archive] if families else [runtime.archive]
            options += ["-u", "__allocs_runtime"]
            for family in families:
                options += ["-u", f"__allocs_interpose_{family}"]
            for name in link.keep if families else ():
                options += ["-u", f"__allocs_keep_{name}"]
            if not link.static:
                options.append(f"--dynamic-list={runtime.exports}")
        return Additions(words, options)
