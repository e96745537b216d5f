"""The porter: who is there, and who may."""
