"""What a source says of its functions, as plain values that can be handed from process to process.

An expression is a tuple whose first item says what it is:

| tuple | meaning |
|---|---|
| `("p", i)` | parameter `i` |
| `("v", key)` | a local variable: `Function.locals` has what is assigned to it |
| `("0",)` | a constant |
| `("s",)` | a string literal |
| `("c", callee, args, line)` | a call of a function by its key, or by `&` and the place of a pointer to it |
| `("f", field, base)` | a field of a structure, `struct.member` |
| `("g", name)` | a global variable |
| `("fn", key)` | a function, as a value |
| `("a", x)` | the address of `x` |
| `("d", x)` | what `x` points to |
| `("+", x, offset)` | a pointer moved |
| `("o", operator, a, b)` | arithmetic |
| `("z", type)` | the size of a type, or an offset in it |
| `("?", values)` | one of several |
| `("u",)` | anything else |

A function's key is its symbol; of a static one `file.c::name`, as the config names it.
"""

from __future__ import annotations

from allocscc.values import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Value = tuple[Any, ...]

CONSTANT: Value = ("0",)
UNKNOWN: Value = ("u",)


@dataclass(frozen=True)
class Parameter:
    """One parameter of a function.

    Attributes:
        letter: its class in the signature mini-language, small; `P*` for a pointer to a pointer; "" for what has none.
        type: its type as written, without qualifiers of the parameter itself.
        pointee: canonical type that it points to, "" for what is no pointer.
    """

    letter: str
    type: str
    pointee: str


@dataclass(frozen=True)
class Function:
    """One function definition.

    Attributes:
        key: symbol, or `file.c::name`.
        file: the source or header that defines it, as the compiler names it.
        line: where, from 1.
        static: whether other units cannot call it.
        parameters: its parameters.
        variadic: whether a variable argument list follows them.
        letter: class of the result.
        type: the result's type as written.
        pointee: canonical type that the result points to, with `const`; "" for what is no pointer.
        public: whether the source says that it is visible outside its shared object, where others are not.
        returns: the values that it returns.
        locals: local variable → the values assigned to it; `p0`… for parameters that are assigned to.
        stores: place (`("f", …)`, `("g", …)`, `("d", …)`) and the value stored there.
        calls: every call: callee and arguments.
        reads: the fields that it reads.
        loops: number of loops.
        length: of its text without line markers and line ends, in bytes.
    """

    key: str
    file: str
    line: int
    static: bool
    parameters: tuple[Parameter, ...]
    variadic: bool
    letter: str
    type: str
    pointee: str
    public: bool
    returns: tuple[Value, ...]
    locals: dict[str, list[Value]]
    stores: tuple[tuple[Value, Value], ...]
    calls: tuple[Value, ...]
    reads: tuple[Value, ...]
    loops: int
    length: int


@dataclass(frozen=True)
class UnitFacts:
    """What one translation unit says.

    Attributes:
        functions: the functions that it defines and that were looked at.
        bindings: place of a function pointer (`field`, variable) → functions put there by initializers.
    """

    functions: tuple[Function, ...]
    bindings: tuple[tuple[str, str], ...]
