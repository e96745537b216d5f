"""Packs: plain tar files, one for each series and writer, in which every byte of an instance lives."""
