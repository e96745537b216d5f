"""The `sagittal` command: one line a verb; each verb has its file beside this one."""

import sys

import typer
from rich.console import Console

from sagittal.cli import (
    accounts,
    audit,
    exporting,
    governing,
    importing,
    network,
    places,
    quarantine,
    rejecting,
    sending,
    serving,
    sharing,
    shown,
    upkeep,
)
from sagittal.errors import SagittalError

app = typer.Typer(
    name="sagittal",
    help="Receive, keep, find and give back medical images.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve")(serving.serve)
app.command("demo")(serving.demo)
app.command("import")(importing.import_)
app.command("export")(exporting.export)
app.command("send")(sending.send)
app.command("echo")(network.echo)
app.command("find")(network.find)
app.command("reject")(rejecting.reject)
app.command("restore")(rejecting.restore)
app.command("rejected")(rejecting.rejected)
app.command("purge")(rejecting.purge)
app.command("reindex")(upkeep.reindex)
app.command("verify")(upkeep.verify)
app.command("attributes")(upkeep.attributes)
app.command("settings")(shown.settings)
app.add_typer(quarantine.app)
app.add_typer(accounts.user)
app.add_typer(sharing.token)
app.add_typer(sharing.link)
app.add_typer(governing.share)
app.add_typer(governing.hold)
app.add_typer(governing.consent)
app.add_typer(governing.glass)
app.add_typer(places.facility)
app.add_typer(places.device)
app.add_typer(places.role)
app.add_typer(audit.app)


def main() -> None:
    """Runs the command line; a failure is one line on standard error and exit status 1."""
    try:
        app()
    except (SagittalError, OSError) as error:
        Console(stderr=True).print(
            f"sagittal: {type(error).__name__}: {error}", style="red", markup=False, soft_wrap=True
        )
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
