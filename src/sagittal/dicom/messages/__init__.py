"""DIMSE messages (PS3.7): command sets and the data sets that follow them, without I/O."""
