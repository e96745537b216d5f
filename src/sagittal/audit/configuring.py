"""Settings that are others than at the last start are a line of the ledger, by name: what they say stays with them."""

from typing import Final

import blake3
import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from sagittal.archive.records.ledger_tables import settings_seen
from sagittal.audit.chronicle import Chronicle
from sagittal.runtime.actor import LOCAL
from sagittal.runtime.settings import Settings

_DIGEST_BYTES: Final = 16


def note_settings(connection: Connection, chronicle: Chronicle, key: bytes, settings: Settings) -> tuple[str, ...]:
    """Notes which settings were changed since the last start; gives their names.

    The first start, and a setting that a newer version brings, change nothing unless somebody chose it.

    Args:
        connection: of the transaction under way.
        chronicle: writes the line.
        key: of the digests by which settings are known again.
        settings: what is in force.
    """
    seen = {row.name: row.digest for row in connection.execute(select(settings_seen))}
    now, before = _digests(settings, key), seen or _digests(settings, key)
    usual = _digests(Settings(), key)
    changed = tuple(name for name, digest in now.items() if digest != before.get(name, usual[name]))
    if changed or len(seen) < len(now):
        statement = insert(settings_seen)
        rows = [{"name": name, "digest": digest} for name, digest in now.items()]
        kept = {"digest": statement.excluded.digest}
        connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=kept), rows)
    if changed:
        chronicle.note(connection, LOCAL, "configuration changed", subject="settings", detail=",".join(changed))
    return changed


def _digests(settings: Settings, key: bytes) -> dict[str, bytes]:
    said = {name: msgspec.json.encode(getattr(settings, name)) for name in Settings.__struct_fields__}
    return {
        name: blake3.blake3(f"setting\0{name}\0".encode() + value, key=key).digest(_DIGEST_BYTES)
        for name, value in said.items()
    }
