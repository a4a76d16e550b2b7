"""What the hooks `cc1`, `cc1plus` and `as` run, as `python -I -S start.py REAL ARGS…`: the compile phase.

Whatever fails in ours before the real program has run, the real program runs as if we were not there.
"""

import gc
import os
import sys

gc.disable()  # a short life makes no garbage worth looking for: 4 ms of a compile with a site
try:
    sys.path[:0] = os.environ["ALLOCSCC_PATH"].split(":")
    from allocscc.compile.phase import main
    from allocscc.toolchain import interruptible
except Exception as error:
    sys.stderr.write(f"allocscc: warning: the compile phase cannot start ({error}); compiling without it\n")
    os.execv(sys.argv[1], sys.argv[1:])

status = interruptible(lambda: main(sys.argv[1:]))
sys.stdout.flush()
sys.stderr.flush()
os._exit(status)  # taking the interpreter down in good order takes a millisecond
