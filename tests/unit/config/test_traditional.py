"""R17: no variable of liballocs' users is passed over in silence."""

import re
from pathlib import Path

import pytest

from allocscc.config.traditional import FATES, fates, unknown
from allocscc.config.variables import VARIABLES

ROOT = Path(__file__).resolve().parents[3]
GUIDE = ROOT / "docs" / "coming-from-liballocs.md"


def test_only_what_is_set():
    env = {"LIBALLOCS": "/tree", "META_BASE": "", "HOME": "/", "CC_IS_CLANG": "1"}
    assert [line.partition(":")[0] for line in fates(env)] == ["LIBALLOCS", "CC_IS_CLANG"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("LIBALLOCS_ALOC_FNS", "did you mean LIBALLOCS_ALLOC_FNS?"),
        ("LIBALLOCS_SUB_ALLOC_FNS", "did you mean LIBALLOCS_SUBALLOC_FNS?"),
        ("LIBALLOCS_WHATEVER", ""),
    ],
)
def test_a_variable_that_nobody_reads(name, meant):
    (warning,) = unknown({name: "x", **dict.fromkeys(VARIABLES, "x"), **dict.fromkeys(FATES, "x")})
    assert warning.startswith(f"variable {name}: nobody reads this")
    assert warning.endswith(meant or "nobody reads this")


def test_the_guide_names_all():
    """The guide's tables have a row for each variable, and no others."""
    rows = re.findall(r"^\| (`.*?) \|", GUIDE.read_text(encoding="utf-8"), re.M)
    named = {name for row in rows for name in re.findall(r"`([A-Z][A-Z_]+)`", row)}
    assert named == {*VARIABLES, *FATES}
