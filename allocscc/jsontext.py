"""JSON for what a hook writes: the package `json` imports `re`, which a link would pay with 5 ms."""

from __future__ import annotations


def dump_json(value: object) -> str:
    """The JSON text of a value: what `json.dumps(value, separators=(",", ":"), sort_keys=True)` gives.

    Args:
        value: of dicts with names as keys, lists, tuples, texts, whole numbers, truth values and None.

    Raises:
        TypeError: there is something else in it.
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_text(key)}:{dump_json(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(dump_json, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    raise TypeError(f"no JSON of {type(value).__name__}")


def _text(text: str) -> str:
    try:
        from _json import encode_basestring_ascii as encode
    except ImportError:
        from json.encoder import py_encode_basestring_ascii as encode
    return str(encode(text))
