"""What bin/allocs runs, as `python -I -S start.py ARGS…`."""

import os
import sys

sys.path[:0] = os.environ["ALLOCSCC_PATH"].split(":")

from allocscc.cli.main import main  # noqa: E402  # the path comes first

main(sys.argv[1:])
