"""What Alembic runs: one transaction for each revision, on the file that `connect.migrate` names."""

from typing import Any

from alembic import context
from sqlalchemy import create_engine, event

from sagittal.archive.records.connect import connect_writer
from sagittal.archive.records.schema import metadata


def _run() -> None:
    path = context.config.attributes["path"]
    engine = create_engine("sqlite://", creator=lambda: connect_writer(path))

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:  # a Connection; SQLAlchemy leaves event arguments untyped
        # The driver would begin no transaction for DDL.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


if __name__ == "env_py":  # the name Alembic loads it by; others only look
    _run()
