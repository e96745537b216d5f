"""Uploads: bytes that come in pieces; what was acknowledged stays, and is brought in when it is whole."""
