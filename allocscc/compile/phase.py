"""The compile phase for one translation unit: run the real compiler, then add records to its assembly.

The compiler's own failure is never masked, and a failure of ours leaves what the compiler made (DESIGN §1).
"""

import os
import sys
import tempfile

from allocscc import toolchain
from allocscc.compile.command import AssemblerCommand, CompilerCommand


def main(argv: list[str]) -> int:
    """Stand before `cc1`, `cc1plus` or `as`.

    Args:
        argv: path of the real program, then its arguments.

    Returns:
        The exit status of the real program.
    """
    if os.path.basename(argv[0]).startswith("cc1"):
        return _compile(CompilerCommand(argv))
    return _assemble(AssemblerCommand(argv))


def _compile(command: CompilerCommand) -> int:
    piped = command.output == "-"
    if not command.makes_assembly or not command.output or not (piped or _may_rewrite(command.output)):
        toolchain.replace([command.real, *command.args])
    from allocscc.compile.asm import strip_line_info

    with tempfile.TemporaryDirectory(prefix="allocscc-") as folder:
        # Line information costs nothing in code; what the user did not ask for is taken out again.
        arguments = command.args if command.debug else [*command.args, "-g1"]
        made = os.path.join(folder, "unit.s") if piped else command.output
        stdout = os.open(made, os.O_WRONLY | os.O_CREAT, 0o600) if piped else None
        status = toolchain.spawn([command.real, *arguments], stdout=stdout)
        if stdout is not None:
            os.close(stdout)
        if status != 0:
            return status
        with open(made, encoding="utf-8", errors="surrogateescape", newline="") as file:
            text = file.read()
        result = _annotated(text, command.source, command.sidecar_path(), lambda: _preprocess(command, folder))
        if result is None and command.debug and not piped:
            return 0  # nothing found, nothing added: the compiler's output stands
        final = text if result is None else result
        final = final if command.debug else strip_line_info(final)
        if piped:
            sys.stdout.flush()
            with os.fdopen(1, "w", encoding="utf-8", errors="surrogateescape", newline="", closefd=False) as file:
                file.write(final)
        else:
            _overwrite(command.output, final, text)
    return 0


def _may_rewrite(path: str) -> bool:
    return not os.path.exists(path) or os.path.isfile(path)


def _overwrite(path: str, text: str, before: str) -> None:
    """Write the output in place (it may be a link); a full disk leaves what the compiler had made, or fails as it."""
    try:
        with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text)
    except OSError as error:
        toolchain.warn(f"{path}: {error.strerror}; left without records")
        with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(before)


def _assemble(command: AssemblerCommand) -> int:
    real = [command.real, *command.args]
    if not command.source:
        toolchain.replace(real)
    with tempfile.TemporaryDirectory(prefix="allocscc-") as folder:
        with open(command.source, encoding="utf-8", errors="surrogateescape", newline="") as file:
            text = file.read()
        source = _clang_source(command.source)
        result = _annotated(text, source[0] if source else "", "", lambda: source and _clang_preprocess(source, folder))
        if result is None:
            return toolchain.spawn(real)
        path = os.path.join(folder, "unit.s")
        with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(result)
        return toolchain.spawn(command.with_source(path))


def _annotated(text, source, sidecar_path, preprocess):  # type: ignore[no-untyped-def]
    """The assembly with records, or None if there is nothing of interest or we failed (then with a warning).

    Args:
        text: the compiler's assembly.
        source: the unit's name, for messages and the sidecar.
        sidecar_path: where a sidecar file would go, or "" for never.
        preprocess: gives (path of preprocessed text, language, standard options), or something false.
    """
    try:
        from allocscc.config.roles import load_roles

        roles = load_roles(dict(os.environ), os.getcwd())
    except Exception as error:
        toolchain.warn(f"{source}: {error}; compiling without records")
        return None
    try:
        from allocscc.compile.asm import find_sites

        machine = find_sites(text, set(roles.signatures), os.getcwd())
        if not machine:
            return None
        from allocscc.compile.match import match_sites
        from allocscc.compile.records import add_records
        from allocscc.sidecar import encode

        sites = match_sites(machine, _scan(source, preprocess, roles.signatures))
        if "sites" in roles.hooks:
            sites = _run_hook(roles.hooks["sites"], sites)
        record = encode(source, os.environ.get("ALLOCSCC_REAL", ""), sites)
        result = add_records(text, machine, sites, record)
        if roles.sidecar_file == "always" and sidecar_path:
            _write_file(sidecar_path, record)
    except Exception as error:
        if roles.on_error == "stop":
            sys.stderr.write(f"allocscc: {source}: the compile phase failed: {error!r}\n")
            raise SystemExit(70) from error
        toolchain.warn(f"{source}: the compile phase failed: {error!r}; compiled without records")
        return None
    return result


def _scan(source, preprocess, signatures):  # type: ignore[no-untyped-def]
    """The unit's source sites; none, with a warning, where libclang is missing: lines and columns need no libclang."""
    prepared = preprocess()
    if not prepared:
        return []
    try:
        from allocscc.compile.scan import scan
    except ImportError as error:
        toolchain.warn(f"{source}: no types ({error}); 'pip install libclang' where {sys.executable} finds it")
        return []
    from allocscc.config.signature import parse_signature

    path, language, standard = prepared
    return scan(path, language, standard, {name: parse_signature(text) for name, text in signatures.items()})


def _run_hook(path, sites):  # type: ignore[no-untyped-def]
    """The project's `[hooks] sites` file: its function `sites(sites)` gives the sites to record (R2)."""
    with open(path, encoding="utf-8") as file:
        code = compile(file.read(), path, "exec")
    namespace: dict[str, object] = {"__file__": path, "__name__": "allocs_hooks"}
    exec(code, namespace)
    changed = tuple(namespace["sites"](sites))  # type: ignore[operator]
    if len(changed) != len(sites):
        raise ValueError(f"{path}: sites() gave {len(changed)} sites for {len(sites)}")
    return changed


def _preprocess(command, folder):  # type: ignore[no-untyped-def]
    if command.preprocessed:
        return command.source, command.language(), command.standard()
    if not command.source or command.source == "-":
        return None  # standard input is gone
    path = os.path.join(folder, "unit.i")
    null = os.open(os.devnull, os.O_WRONLY)
    saved = os.dup(2)
    os.dup2(null, 2)
    try:
        status = toolchain.spawn(command.scan_command(path))
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
    return (path, command.language(), command.standard()) if status == 0 else None


def _write_file(path: str, record: bytes) -> None:
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "wb") as file:
        file.write(record)
    os.replace(temporary, path)


def _clang_source(assembly: str) -> list[str]:
    """The driver's source file and arguments, from the process that runs us; empty if it is not clear which file."""
    try:
        with open(f"/proc/{os.getppid()}/cmdline", "rb") as file:
            words = [word.decode("utf-8", "surrogateescape") for word in file.read().split(b"\0")[:-1]]
    except OSError:
        return []
    stem = os.path.basename(assembly).rsplit("-", 1)[0]
    fits = [w for w in words[1:] if not w.startswith("-") and os.path.splitext(os.path.basename(w))[0] == stem]
    fits = [w for w in fits if os.path.isfile(w) and not w.endswith((".o", ".s", ".a"))]
    return [fits[0], *words] if len(set(fits)) == 1 else []


def _clang_preprocess(source, folder):  # type: ignore[no-untyped-def]
    file, driver, *arguments = source
    path = os.path.join(folder, "unit.i")
    kept = []
    words = iter(arguments)
    for word in words:
        if word in ("-o", "-MF", "-MT", "-MQ"):
            next(words, "")
        elif word not in ("-c", "-S", "-MD", "-MMD", "-MP") and (word == file or not word.endswith((".c", ".cc", ".o"))):
            kept.append(word)
    status = toolchain.spawn([driver, *kept, "-E", "-w", "-o", path], toolchain.environment())
    plus = "++" in os.path.basename(driver) or os.path.splitext(file)[1] in (".cc", ".cpp", ".cxx", ".C")
    standard = [word for word in kept if word.startswith("-std=")][-1:]
    return (path, "c++" if plus else "c", standard) if status == 0 else None
