"""Options that several verbs share, and how they become settings."""

from pathlib import Path
from typing import Annotated

import typer

from sagittal.runtime import log
from sagittal.runtime.settings import Settings, load

DataOption = Annotated[
    Path | None, typer.Option("--data", help="Folder that holds everything that is kept.", show_default="sagittal-data")
]
SettingsOption = Annotated[
    Path | None, typer.Option("--settings", help="A TOML file with settings.", exists=True, dir_okay=False)
]
DestinationArgument = Annotated[
    str, typer.Argument(help="AET@HOST:PORT, or an AE title from the `destinations` of the settings.")
]


PIPED_WIDTH = 240  # characters of a table that goes to no terminal


def settled(file: Path | None, **overrides: object) -> Settings:
    """The settings in force for this call, with logging set up as they say."""
    said = {name: str(value) if isinstance(value, Path) else value for name, value in overrides.items()}
    settings = load(file, overrides=said)
    log.configure(settings.log_level, settings.log_format)
    return settings
