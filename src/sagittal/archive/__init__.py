"""What we keep: packs of bytes, the index over them, and the feed of what changed."""
