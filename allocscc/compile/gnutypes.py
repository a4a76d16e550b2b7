"""gcc's names of types that clang lacks (ISO/IEC TS 18661-3), and clang's names of the same."""

GCC_TYPES = {
    "_Float128": "__float128",
    "_Float32": "float",
    "_Float64": "double",
    "_Float32x": "double",
    "_Float64x": "long double",
}
