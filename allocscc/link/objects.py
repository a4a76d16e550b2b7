"""The stub objects of a link: as few compiles as there are shapes of stubs, several at a time."""

from __future__ import annotations

from allocscc import toolchain
from allocscc.config.model import Config
from allocscc.errors import ToolError
from allocscc.link.plan import Decision
from allocscc.link.stubs import Setting, entry_points, stub_source
from allocscc.link.template import Placeholders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Group = list[Decision]
    Compile = Callable[[str, Config, bool], str]
    IsCached = Callable[[str, Config], bool]

MOST = 1000  # stub objects that the cache keeps


def stub_objects(
    groups: list[Group], config: Config, compile_stub: Compile, is_cached: IsCached, setting: Setting | None = None
) -> list[bytes]:  # fmt: skip
    """The object for each group of decisions whose stubs belong together.

    Args:
        groups: decisions that have a stub.
        config: the merged config.
        compile_stub: gives the path of the object for a stub file's text, from the cache if it is there; the last
            argument says whether the text is to be kept if it does not compile.
        is_cached: whether that would have nothing to compile.
        setting: what the stubs are made for; left out, the embedded runtime.

    Raises:
        ToolError: a stub does not compile.
    """
    setting = setting or Setting(present=entry_points(groups))
    if config.includes:  # the project's headers may do with a name what they like
        texts = [stub_source(group, config, setting=setting) for group in groups]
        _compile_all([text for text in texts if not is_cached(text, config)], config, compile_stub)
        return [_contents(text, config, compile_stub, True)[0] for text in texts]
    templates: dict[str, tuple[bytes, str]] = {}
    names = [Placeholders(_longest(group, config)) for group in groups]
    texts = [stub_source(group, config, own, setting) for group, own in zip(groups, names, strict=True)]
    _compile_all([text for text in texts if not is_cached(text, config)], config, compile_stub)
    for text, group in zip(texts, groups, strict=True):
        if text not in templates:
            try:
                templates[text] = _contents(text, config, compile_stub, False)
            except ToolError:  # what a person sees of it, and can compile, has names
                compile_stub(stub_source(group, config, setting=setting), config, True)
                raise
    return [own.fill(*templates[text]) for text, own in zip(texts, names, strict=True)]


def _longest(group: Group, config: Config) -> int:
    """A length that no text of a group's stubs reaches."""
    entries = [config.allocators.get(decision.entry) for decision in group]
    texts = [decision.entry for decision in group] + [str(decision.signature) for decision in group]
    texts += [str(s) for e in entries if e for s in (*e.alloc, *e.resize, *e.free, *e.free_chain, *e.free_since)]
    texts += [str(s) for e in entries if e for s in (*e.free_all, *e.meta, *([e.usable_size] if e.usable_size else []))]
    return max(len(text.encode("utf-8", "surrogateescape")) for text in texts)


def _contents(text: str, config: Config, compile_stub: Compile, keep: bool) -> tuple[bytes, str]:
    """A stub file's object, and its path; once more if another process has tidied the cache meanwhile."""
    for _ in range(2):
        path = compile_stub(text, config, keep)
        try:
            with open(path, "rb") as file:
                return file.read(), path
        except FileNotFoundError:
            continue
    with open(path, "rb") as file:
        return file.read(), path


def _compile_all(texts: list[str], config: Config, compile_stub: Compile) -> None:
    """Fill the cache; a text that does not compile is compiled again by who needs it, and told there."""
    distinct = list(dict.fromkeys(texts))
    if len(distinct) < 2:
        return
    import plumbum  # noqa: F401  # before the fork: once instead of in every child

    def work(text: str) -> Callable[[], None]:
        def compiled() -> None:
            compile_stub(text, config, False)

        return compiled

    toolchain.in_parallel(map(work, distinct))
