"""`sagittal settings`: every setting, what it is for, and what is in force."""

from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from sagittal.cli.options import SettingsOption
from sagittal.dicom.dataset.skim import IS_COMPILED
from sagittal.runtime.settings import Settings, describe, load


def settings(
    file: SettingsOption = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="As the page docs/settings.md.")] = False,
) -> None:
    """Shows every setting, its value in force, its default and what it is for."""
    if markdown:
        typer.echo("\n".join(_markdown()))
    else:
        Console().print(_table(load(file)))
        Console().print(f"The hot modules run as {'machine code' if IS_COMPILED else 'Python'}.")


def _table(in_force: Settings) -> Table:
    table = Table("setting", "in force", "default", "what it is for")
    values = msgspec.to_builtins(in_force)
    for said in describe():
        value = values[said.name]
        shown = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        table.add_row(said.name, shown, "" if shown == said.default else said.default, said.description)
    return table


def _markdown() -> list[str]:
    return [
        "# Settings",
        "",
        "Default < TOML file (`--settings FILE`) < environment < command line. In the environment, lists and tables",
        "are JSON.",
        "This page is what `sagittal settings --markdown` prints.",
        "",
        "| name | environment | form | default | what it is for |",
        "|---|---|---|---|---|",
        *(
            f"| `{said.name}` | `{said.environment}` | {said.kind.replace('|', 'or')} | "
            f"{f'`{said.default}`' if said.default else ''} | {said.description} |"
            for said in describe()
        ),
    ]
