"""Frozen records, as `dataclasses` has them, for modules on the hot path.

`dataclasses` takes 13 ms of import and half a millisecond for each class (`benchmarks/steps.py` shows the first); a
compile with a site would pay 20 ms for that alone. To a type checker these are the standard library's; objects do for
`dataclasses.replace`, which hooks use.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import asdict as asdict
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
else:
    _MISSING = object()

    class Field:
        """One field: its name, its default, and whether it is part of the value."""

        __slots__ = ("_field_type", "compare", "default", "default_factory", "init", "name")

        def __init__(self, default=_MISSING, default_factory=_MISSING, compare=True):
            self.default, self.default_factory, self.compare = default, default_factory, compare
            self.name, self.init, self._field_type = "", True, None

    def field(*, default=_MISSING, default_factory=_MISSING, compare=True):
        """A field with more to say than a default."""
        return Field(default, default_factory, compare)

    def dataclass(cls=None, *, frozen):
        """Make a class with annotated fields a frozen record; they are in the order of its body."""
        if cls is None:
            return lambda found: dataclass(found, frozen=frozen)
        fields = {}
        for name, annotation in cls.__annotations__.items():
            if str(annotation).startswith(("ClassVar", "typing.ClassVar")):
                continue
            value = cls.__dict__.get(name, _MISSING)
            one = value if isinstance(value, Field) else Field(value)
            one.name = name
            fields[name] = one
            if one.default is not _MISSING:
                setattr(cls, name, one.default)
            elif name in cls.__dict__:
                delattr(cls, name)
        cls.__dataclass_fields__ = fields
        cls.__match_args__ = tuple(fields)
        cls._compared = tuple(name for name, one in fields.items() if one.compare)
        cls.__init__ = _first_init(cls, fields)
        cls.__setattr__, cls.__delattr__ = _frozen, _frozen
        cls.__eq__, cls.__hash__, cls.__repr__ = _equal, _hash, _repr
        return cls

    def _first_init(cls, fields):
        """An `__init__` that makes the real one when it is first called: most commands use few of the classes."""

        def first(self, *args, **kwargs):
            cls.__init__ = _initializer(fields)
            cls.__init__(self, *args, **kwargs)

        return first

    def _initializer(fields):
        """An `__init__` with the fields as parameters."""
        names = {f"_default_{name}": one for name, one in fields.items()}
        parameters, body = [], ["pass"]
        for name, one in fields.items():
            made = one.default_factory is not _MISSING
            given = "=_missing" if made else f"=_default_{name}.default" if one.default is not _MISSING else ""
            parameters.append(name + given)
            value = f"_default_{name}.default_factory() if {name} is _missing else {name}" if made else name
            body.append(f"_set(self, {name!r}, {value})")
        code = f"def __init__(self, {', '.join(parameters)}):\n " + "\n ".join(body)
        space = {**names, "_missing": _MISSING, "_set": object.__setattr__}
        exec(code, space)
        return space["__init__"]

    def _frozen(self, name, *_):
        raise AttributeError(f"cannot change {name!r} of a frozen {type(self).__name__}")

    def _equal(self, other):
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._compared)

    def _hash(self):
        return hash(tuple(getattr(self, name) for name in self._compared))

    def _repr(self):
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__dataclass_fields__)
        return f"{type(self).__qualname__}({shown})"

    def replace(value, /, **changes):
        """The same record with other values for some fields."""
        kept = {name: getattr(value, name) for name in value.__dataclass_fields__ if name not in changes}
        return type(value)(**kept, **changes)

    def asdict(value):
        """A record's fields by name; records in fields become dicts, too."""
        if hasattr(value, "__dataclass_fields__"):
            return {name: asdict(getattr(value, name)) for name in value.__dataclass_fields__}
        if isinstance(value, list | tuple):
            return type(value)(asdict(item) for item in value)
        return value
