"""The whole config, as `load_config` gives it, from a cache: for links that are planned.

`tomllib` and what it imports take 12 ms, reading the layers some more.
"""

from __future__ import annotations

from allocscc.config.model import Allocator, Config, Named, Override, Sized, Wrapper
from allocscc.config.roles import remembered
from allocscc.config.signature import Signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_RECORDS = {record.__name__: record for record in (Allocator, Config, Named, Override, Signature, Sized, Wrapper)}


def whole_config(env: dict[str, str], cwd: str) -> Config:
    """The config of a process with this environment and working folder.

    Raises:
        ConfigError: a layer of the project is unreadable or wrong; the message names file and key.
    """
    try:
        config = decode(remembered("configs", env, cwd, _encoded))
    except (KeyError, TypeError, IndexError):  # a damaged cache
        config = None
    if isinstance(config, Config):
        return config
    from allocscc.config.load import load_config

    return load_config(env, cwd)


def encode(value: Any) -> Any:
    """Records as lists of their class's name and fields; everything else as `marshal` writes it."""
    if hasattr(value, "__dataclass_fields__"):
        return [type(value).__name__, *(encode(getattr(value, name)) for name in value.__dataclass_fields__)]
    if isinstance(value, tuple):
        return tuple(encode(item) for item in value)
    if hasattr(value, "items"):
        return {key: encode(item) for key, item in value.items()}
    return value


def decode(value: Any) -> Any:
    """What `encode` was given; `KeyError`, `TypeError` or `IndexError` if it is none of its results."""
    if isinstance(value, list):
        return _RECORDS[value[0]](*(decode(item) for item in value[1:]))
    if isinstance(value, tuple):
        return tuple(decode(item) for item in value)
    if isinstance(value, dict):
        return {key: decode(item) for key, item in value.items()}
    return value


def _encoded(env: dict[str, str], cwd: str) -> tuple[Any, list[str]]:
    from allocscc.config.load import files_of, load_config

    config = load_config(env, cwd)
    return encode(config), files_of(config)
