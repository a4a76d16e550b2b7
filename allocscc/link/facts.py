"""From what a survey found to the facts that `plan` decides on."""

from allocscc.backends.interface import Backend, Link
from allocscc.config.model import Allocator, Config
from allocscc.link.findings import Survey
from allocscc.link.job import LinkJob
from allocscc.link.plan import Fact, LinkFacts
from allocscc.values import replace


def link_facts(job: LinkJob, found: Survey, interposable: frozenset[str]) -> LinkFacts:
    """The facts of a link; where several inputs define a function, the first one counts, as for the linker."""
    functions: dict[str, Fact] = {}
    for name, inputs in found.references.items():
        indexes = tuple(sorted({source.index for source in [*inputs, *found.unscanned]}))
        functions[name] = Fact(name, references=indexes, identified=name in found.identified)
    for name in found.versioned:
        functions[name] = replace(functions.get(name, Fact(name)), versioned=True)
    for definition in sorted(found.definitions, key=lambda d: d.weak):
        if definition.name in functions and functions[definition.name].place is not None:
            continue
        functions[definition.name] = Fact(
            definition.name, (definition.input.index, definition.member), definition.weak, definition.visibility,
            intermediate=definition.name in found.intermediate and "-plugin" in job.args, parts=definition.parts,
            unwindable=definition.unwindable and "--no-eh-frame-hdr" not in job.args,
        )  # fmt: skip
    return LinkFacts(
        mode=job.mode,
        functions=tuple(functions[name] for name in sorted(functions)),
        interposable=interposable,
        user_wrapped=frozenset(job.wrapped),
        user_defined=frozenset(job.defined),
        has_sites=found.has_sites,
        intermediate=bool(found.sources) and "-plugin" in job.args,
        unreadable=tuple(found.unreadable)
        + tuple(f"{source.path}: its members are too many" for source in found.unscanned),
    )


def with_backend(facts: LinkFacts, backend: Backend, link: Link, config: Config) -> LinkFacts:
    """The facts with what a backend says of the link's families."""
    families = config.allocators.values()
    defined = {fact.symbol for fact in facts.functions if fact.place is not None}
    reasons = {f.name: backend.refuses(link, f.name, bool(f.suballocates), _is_measured(f, defined)) for f in families}
    return replace(
        facts,
        embeds=backend.embeds,
        walks=backend.walks,
        wrapped=frozenset(f.name for f in families if backend.wraps(f.name, bool(f.suballocates))),
        refused={name: reason for name, reason in reasons.items() if reason},
    )


def _is_measured(family: Allocator, defined: set[str]) -> bool:
    """Whether a link defines a family's usable-size function, and all that allocates says how much."""
    usable = family.usable_size
    return usable is not None and usable.name in defined and all(s.size_args for s in (*family.alloc, *family.resize))
