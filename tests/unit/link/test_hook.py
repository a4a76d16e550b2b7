"""The project's word on a plan: `allocscc.link.hook`."""

import pytest

from allocscc.config.model import Allocator, Config, Sized, Wrapper, table
from allocscc.config.signature import parse_signature
from allocscc.errors import ConfigError, HookError
from allocscc.link.hook import changed_plan
from allocscc.link.job import EXECUTABLE
from allocscc.link.plan import LEAVE, MARK, REPLACE, WRAP, Fact, LinkFacts, make_plan

_CONFIG = Config(
    table([
        Allocator("slab", (parse_signature("slab_get(Z)p"),), origin="p.toml:1"),
        Wrapper("x", (parse_signature("xmalloc(Z)p"), parse_signature("ymalloc(Z)p")), origin="p.toml:5"),
        Sized("ckd", parse_signature("ckd(iiI)p"), "p.toml:9"),
        Wrapper("off", (parse_signature("off(Z)p"),), disabled=True),
    ])
)  # fmt: skip
_FACTS = LinkFacts(
    EXECUTABLE, (Fact("slab_get", (2, -1)), Fact("xmalloc", references=(3,)), Fact("ymalloc", (4, 7)))
)  # fmt: skip
_PLAN = make_plan(_FACTS, _CONFIG)
_HEAD = "from dataclasses import replace\n"


@pytest.fixture
def change(tmp_path):
    """`change(text)`: the plan that a hook with this text gives."""

    def changed(text):
        (tmp_path / "h.py").write_text(_HEAD + text)
        return changed_plan(str(tmp_path / "h.py"), _CONFIG, _PLAN, _FACTS)

    return changed


@pytest.fixture
def fail(change):
    def failed(text):
        with pytest.raises(HookError) as caught:
            change(text)
        assert isinstance(caught.value, ConfigError)
        return str(caught.value)

    return failed


def edit(fields, symbol="xmalloc"):
    """A hook that replaces fields of one decision."""
    return (
        "def plan(config, plan):\n"
        f"    return replace(plan, decisions=tuple(replace(d, {fields}) if d.symbol == {symbol!r} else d"
        " for d in plan.decisions))\n"
    )


def actions(plan):
    return {decision.symbol: decision.action for decision in plan.decisions}


def test_plan_as_it_is(change):
    """R2: a hook that changes nothing."""
    assert change("def plan(config, plan):\n    return plan\n") == _PLAN
    assert actions(_PLAN) == {"slab_get": REPLACE, "xmalloc": WRAP, "ymalloc": REPLACE}


def test_hook_sees_config_and_plan(change):
    """R2: the merged config with its entries and origins, and the typed plan."""
    text = (
        "def plan(config, plan):\n"
        "    assert config.wrappers['x'].origin == 'p.toml:5'\n"
        "    assert [d.rule for d in plan.decisions] == ['entry-defined', 'wrapper-imported', 'wrapper-defined']\n"
        "    return replace(plan, notes=('seen',))\n"
    )
    assert change(text).notes == ("seen",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (edit("action='leave'"), {"slab_get": REPLACE, "xmalloc": LEAVE, "ymalloc": REPLACE}),
        (edit("action='leave', stub='', signature=None", "slab_get"), {"slab_get": LEAVE, "xmalloc": WRAP,
                                                                     "ymalloc": REPLACE}),
        (edit("action='wrap'", "ymalloc"), {"slab_get": REPLACE, "xmalloc": WRAP, "ymalloc": WRAP}),
        ("def plan(config, plan):\n    return replace(plan, decisions=plan.decisions[:1])\n", {"slab_get": REPLACE}),
        ("def plan(config, plan):\n    return replace(plan, decisions=())\n", {}),
        (edit("action='mark'"), {"slab_get": REPLACE, "xmalloc": MARK, "ymalloc": REPLACE}),
        (edit("entry='ckd'"), {"slab_get": REPLACE, "xmalloc": WRAP, "ymalloc": REPLACE}),
    ],
)  # fmt: skip
def test_changes_that_can_be_carried_out(change, text, expected):
    """R2: what is left alone, wrapped instead of replaced, or left out altogether."""
    assert actions(change(text)) == expected


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("def plan(config, plan):\n    return None\n", "must give an allocscc.link.plan.LinkPlan, not NoneType"),
        ("def plan(config, plan):\n    return plan.decisions\n", "LinkPlan, not tuple"),
        (
            edit("action='explode'"),
            "on xmalloc that cannot be carried out: its action is 'explode'; allowed: 'replace'",
        ),
        (edit("signature=None"), "on xmalloc that cannot be carried out: it has no signature"),
        (edit("action='replace'"), "it replaces a definition that is not there"),
        (edit("place=(9, 9)", "ymalloc"), "it replaces a definition that is not there"),
        (edit("action='mark'", "slab_get"), "it marks what is no wrapper"),
        (edit("action='mark', place=(9, 9)", "ymalloc"), "or a definition that is not there"),
        (
            edit("signature=plan.decisions[0].signature.__class__('f', ('s', '.'), 'p')"),
            "a variadic function cannot be",
        ),
        (edit("entry='nobody'"), "no entry of the config is named 'nobody'"),
        (edit("entry='off'"), "no entry of the config is named 'off'"),
        (edit("symbol='malloc'"), "on malloc that cannot be carried out: the link has no function of a role by this"),
    ],
)
def test_changes_that_cannot_be_carried_out(fail, text, what):
    """R2: a plan that would break the link stops it, with what is wrong."""
    message = fail(text)
    assert what in message
    assert message.partition(":")[0].endswith("/h.py")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("def plan(config, plan):\n    return plan.nothing\n", 3, "AttributeError"),
        ("def plan(config):\n    return config\n", 2, "TypeError"),
        ("def plan(config, plan):\n    config.on_error = 'x'\n", 3, "AttributeError"),
        ("def other():\n    pass\n", None, "the hook defines no function plan()"),
        ("def plan(:\n", 2, "the hook is not Python"),
    ],
)
def test_hook_that_fails(fail, text, line, what):
    """R2: errors name the hook's file and line; config and plan cannot be changed in place."""
    message = fail(text)
    assert what in message
    assert f"/h.py:{line}: " in message or (line is None and "/h.py: " in message)


@pytest.mark.parametrize(
    ("decisions", "what"), [("(3,)", "gave int among the decisions"), ("plan.decisions * 2", "gave two decisions on")]
)
def test_decisions_that_are_none(fail, decisions, what):
    """R2: a plan that cannot be carried out stops the link, and says whose it is."""
    assert what in fail(f"def plan(config, plan):\n    return replace(plan, decisions={decisions})\n")
