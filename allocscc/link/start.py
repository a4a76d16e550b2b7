"""What the hooks `ld`, `ld.bfd` … run, as `python -I -S start.py NAME ARGS…`: the link phase."""

import os
import sys

SAVE = "--save-stubs="  # ours, not the linker's: where the C of all stubs is to be written
for word in sys.argv[2:]:
    if word.startswith(SAVE):
        os.environ["ALLOCSCC_SAVE_TEMPS"] = word.removeprefix(SAVE)
        sys.argv.remove(word)

try:
    sys.path[:0] = os.environ["ALLOCSCC_PATH"].split(":")
    if "--explain" in sys.argv or "ALLOCSCC_EXPLAIN" in os.environ:
        from allocscc.link.explain import main
    else:
        from allocscc.link.phase import main
    from allocscc.toolchain import interruptible
except Exception as error:
    sys.stderr.write(f"allocscc: warning: the link phase cannot start ({error}); linking without it\n")
    name = sys.argv[1]
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    folders = f"{os.environ.get('COMPILER_PATH', '')}:{os.environ.get('PATH', os.defpath)}".split(":")
    for folder in folders:
        path = os.path.join(folder, name)
        if folder and not os.path.abspath(folder).startswith(ours) and os.access(path, os.X_OK):
            os.execv(path, [path, *sys.argv[2:]])
    sys.exit(127)

status = interruptible(lambda: main(sys.argv[1], sys.argv[2:]))
sys.stdout.flush()
sys.stderr.flush()
os._exit(status)  # taking the interpreter down in good order takes a millisecond
