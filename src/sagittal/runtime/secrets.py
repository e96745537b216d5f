"""Secrets: read from a file or the environment where they are used; never a field of `Settings`, so never printed."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from sagittal.errors import Invalid
from sagittal.runtime.log import get_logger

log = get_logger(__name__)

SECRETS = ("oidc_client_secret",)
"""Every secret: `SAGITTAL_` and the name in capitals holds it, or the file that the setting NAME_file tells."""

_MOST_BYTES = 64 * 1024


def read_secret(name: str, file: str, environment: Mapping[str, str] | None = None) -> str:
    """The secret `name`, without white space around it; `""` if neither the environment nor a file has it.

    Args:
        name: one of SECRETS.
        file: what the setting NAME_file says; the environment goes before it.
        environment: variables, `os.environ` if None.

    Raises:
        Invalid: the file cannot be read, or is too long to be a secret; its content is not told.
    """
    if name not in SECRETS:
        raise Invalid(f"no secret is called {name!r}")
    said = (os.environ if environment is None else environment).get(f"SAGITTAL_{name.upper()}", "")
    return said.strip() if said.strip() or not file else _from_file(f"{name}_file", Path(file))


def _from_file(setting: str, file: Path) -> str:
    try:
        with file.open("rb") as opened:
            if os.fstat(opened.fileno()).st_mode & stat.S_IROTH:
                log.warning("secret is readable by everybody on this machine", setting=setting)
            content = opened.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise Invalid(f"{setting}: more than {_MOST_BYTES} bytes are no secret")
        return content.decode("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{setting} cannot be read: {type(error).__name__}") from None
