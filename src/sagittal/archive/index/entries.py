"""Rows above instances as they are held in memory, and how they go to and from their tables."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Table

from sagittal.archive.index import attributes as tags
from sagittal.archive.index import schema
from sagittal.archive.index.renderings import Rendering
from sagittal.archive.index.statements import Hot, columns_of, insert_into, select_by, update_by
from sagittal.archive.index.wording import Wording
from sagittal.dicom.dataset import RawElement
from sagittal.dicom.person_name import fold

_FOLDED = {"patient_name": "name_folded", "referring_physician_name": "referring_folded"}

Signature = tuple[RawElement | None, ...]


class Entry:
    """A row of patients, studies or series.

    Attributes:
        id: of the row.
        values: its columns, but `id`, `attributes` and the counts.
        members: its DICOM JSON by tag, `"TTTTTTTT":{...}`.
        counts: its count columns.
        is_new: not inserted yet.
        is_changed: values or members differ from the row.
        is_counted: counts differ from the row.
        name_indexed: the folded name in the name table, `""` if none.
        wording: of the last instance of a series.
    """

    __slots__ = (
        "counts",
        "id",
        "is_changed",
        "is_counted",
        "is_new",
        "members",
        "name_indexed",
        "parent",
        "sets",
        "signature",
        "values",
        "wording",
    )

    def __init__(self, row_id: int, values: dict[str, str], counts: dict[str, int], parent: "Entry | None") -> None:
        self.id = row_id
        self.values = values
        self.counts = counts
        self.members: dict[int, str] = {}
        self.parent = parent
        self.sets: dict[str, set[str]] = {}
        self.signature: Signature | None = None
        self.name_indexed = ""
        self.wording: Wording | None = None
        self.is_new = True
        self.is_changed = False
        self.is_counted = False

    def merge(self, level: tags.Attributes, rendered: Mapping[int, Rendering]) -> None:
        """Takes the attributes of `level` that this row has not, or has empty."""
        for tag, column in level.items():
            rendering = rendered.get(tag)
            if rendering is None or not rendering.json:
                continue
            old = self.members.get(tag)
            if old is not None and ("," in old or rendering.is_empty):
                continue
            self.members[tag] = rendering.json
            self.is_changed = True
            if column is not None and column in self.values:
                self.values[column] = rendering.text
                folded = _FOLDED.get(column)
                if folded is not None and folded in self.values:
                    self.values[folded] = fold(rendering.text)

    def collect(self, column: str, value: str) -> None:
        """Adds to a column that lists distinct values."""
        values = self.sets[column]
        if value and value not in values:
            values.add(value)
            self.values[column] = "\\".join(sorted(values))
            self.is_changed = True

    @property
    def attributes(self) -> str:
        """The level's DICOM JSON."""
        return "{" + ",".join(member for _, member in sorted(self.members.items())) + "}"


class Level:
    """How one of the three tables is written."""

    def __init__(self, table: Table, counts: tuple[str, ...], linked: str, sets: tuple[str, ...] = ()) -> None:
        self.table = table
        self.counts = counts
        self.linked = linked
        self.sets = sets
        self.columns = columns_of(table)
        self.texts = tuple(name for name in self.columns if name not in ("id", "attributes", linked, *counts))
        self.insert: Hot = insert_into(table)
        changed = tuple(name for name in self.columns if name != "id")
        self.update: Hot = update_by(table, "id", *changed)
        self.count: Hot = update_by(table, "id", *counts)
        self.by_id: Hot = select_by(table, "id")

    def new(self, row_id: int, parent: Entry | None) -> Entry:
        entry = Entry(row_id, dict.fromkeys(self.texts, ""), dict.fromkeys(self.counts, 0), parent)
        entry.sets = {name: set() for name in self.sets}
        return entry

    def from_row(self, row: tuple[object, ...], parent: Entry | None) -> Entry:
        named = dict(zip(self.columns, row, strict=True))
        entry = self.new(_integer(named["id"]), parent)
        entry.is_new = False
        for name in self.texts:
            entry.values[name] = str(named[name])
        for name in self.counts:
            entry.counts[name] = _integer(named[name])
        entry.sets = {name: set(filter(None, entry.values[name].split("\\"))) for name in self.sets}
        entry.members = _members(str(named["attributes"]))
        entry.name_indexed = entry.values.get("name_folded", "")
        return entry

    def values_of(self, entry: Entry, names: tuple[str, ...]) -> list[object]:
        every: dict[str, object] = {
            **entry.values,
            **entry.counts,
            "id": entry.id,
            "id_": entry.id,
            "attributes": entry.attributes,
        }
        if entry.parent is not None:
            every[self.linked] = entry.parent.id
        return [every[name] for name in names]

    def counts_of(self, entry: Entry) -> list[int]:
        return [*(entry.counts[name] for name in self.counts), entry.id]


def _integer(value: object) -> int:
    return value if isinstance(value, int) else 0


def _members(text: str) -> dict[int, str]:
    raw = msgspec.json.decode(text or "{}", type=dict[str, msgspec.Raw])
    return {int(key, 16): f'"{key}":{bytes(value).decode()}' for key, value in raw.items()}


PATIENTS = Level(schema.patients, ("studies", "series", "instances"), "")
STUDIES = Level(
    schema.studies, ("series", "instances", "received_ns", "updated_ns"), "patient", ("modalities", "sop_classes")
)
SERIES = Level(schema.series, ("instances", "received_ns", "updated_ns"), "study")
LEVELS = (PATIENTS, STUDIES, SERIES)
