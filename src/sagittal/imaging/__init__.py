"""Pixels, pure but heavy: codecs, rendering."""
