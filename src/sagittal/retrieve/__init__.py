"""How instances go out: index -> (pack, offset, length) -> bytes as stored."""
