"""`make schema`: writes what new databases begin as, from what all migrations make."""

from pathlib import Path
from tempfile import TemporaryDirectory

from sagittal.archive.head_script import SCRIPT, migrated
from sagittal.archive.index import connect as index
from sagittal.archive.records import connect as records

if __name__ == "__main__":
    for database in (index, records):
        with TemporaryDirectory() as folder:
            script = migrated(Path(folder), database.run_all_migrations, database.connect_writer)
        (database.MIGRATIONS / SCRIPT).write_text(script)
