"""What stands in the addresses of the viewer."""

from sagittal.errors import Invalid


def checked(uid: str) -> str:
    """A UID of a path; raises Invalid for what cannot be one."""
    if not 0 < len(uid) <= 64 or not uid.isascii() or not uid.isprintable():
        raise Invalid(f"a UID in a path is 1 to 64 printable characters; got {len(uid)}")
    return uid
