"""Names for what is kept by its contents (hot path)."""


def digest(data: bytes, size: int = 12) -> str:
    """A digest of the data, BLAKE2b (RFC 7693), in hexadecimal.

    Args:
        data: anything.
        size: of the digest, in bytes.
    """
    try:
        from _blake2 import blake2b  # `hashlib` loads OpenSSL, which takes longer than to hash: 3 ms
    except ImportError:
        from hashlib import blake2b
    return str(blake2b(data, digest_size=size).hexdigest())
