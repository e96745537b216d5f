"""Passwords on the command line: asked for, or read from a file; never an argument, which others can see."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from sagittal.access.passwords import MOST_CHARACTERS, check_new, hash_password
from sagittal.errors import Invalid

PasswordFileOption = Annotated[
    Path | None,
    typer.Option("--password-file", help="Read the password from its first line; '-': from standard input."),
]

_MOST_BYTES = 8 * MOST_CHARACTERS


def new_password(name: str, file: Path | None) -> str:
    """The hash of a new password of an account. Raises Invalid if it is too easy to guess."""
    said = said_secret("Password", file)
    check_new(said, name)
    return hash_password(said)


def said_secret(what: str, file: Path | None) -> str:
    """What a person types twice, or the first line of a file."""
    if file is None:
        if not is_asked():
            raise Invalid(f"{what.lower()}: there is nobody to ask; say a file, or '-' for standard input")
        return str(typer.prompt(what, hide_input=True, confirmation_prompt=True))
    if str(file) == "-":
        return sys.stdin.readline(_MOST_BYTES).rstrip("\r\n")
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.readline(_MOST_BYTES).rstrip("\r\n")
    except UnicodeDecodeError:
        raise Invalid(f"{file} is not text") from None


def is_asked() -> bool:
    """Whether there is a person to ask."""
    return sys.stdin.isatty()
