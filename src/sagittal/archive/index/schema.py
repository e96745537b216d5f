"""The tables of the index. All of it but `packs` states can be rebuilt from the packs.

At each level the attributes that matching needs are columns, text as decoded Unicode (multiple values joined by a
backslash); `attributes` holds the level's DICOM JSON (PS3.18 Annex F) as text, ready to be joined into an answer. A
study carries its own copy of the patient's demographics, as they were when the study came. Missing values are `""`,
never NULL, unless said.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    column,
    table,
    text,
)

metadata = MetaData()


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


patients = Table(
    "patients",
    metadata,
    Column("id", Integer, primary_key=True),
    _text("facility"),
    _text("patient_id"),
    _text("issuer"),
    _text("of_study"),  # without a Patient ID: the Study Instance UID; such patients are never taken for one another
    _text("patient_name"),
    _text("name_folded"),  # dicom.person_name.fold of patient_name, for search
    _text("patient_birth_date"),
    _text("patient_birth_time"),
    _text("patient_sex"),
    _text("other_patient_ids"),
    _text("ethnic_group"),
    _text("patient_comments"),
    _text("attributes"),
    _count("studies"),
    _count("series"),
    _count("instances"),
    Index("ix_patients_identity", "patient_id", "issuer", "facility", "of_study", unique=True),
    sqlite_autoincrement=True,  # an id is never used again, so that a rebuilt index has the same
)

studies = Table(
    "studies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("patient", ForeignKey("patients.id"), nullable=False, index=True),
    _text("facility"),
    _text("study_instance_uid"),
    _text("study_date"),
    _text("study_time"),
    _text("accession_number"),
    _text("study_id"),
    _text("study_description"),
    _text("referring_physician_name"),
    _text("referring_folded"),
    _text("name_of_physicians_reading_study"),
    _text("admitting_diagnoses_description"),
    _text("patient_id"),
    _text("issuer"),
    _text("patient_name"),
    _text("name_folded"),
    _text("patient_birth_date"),
    _text("patient_birth_time"),
    _text("patient_sex"),
    _text("patient_age"),
    _text("patient_size"),
    _text("patient_weight"),
    _text("modalities"),  # ModalitiesInStudy: distinct, sorted, joined by a backslash
    _text("sop_classes"),  # SOPClassesInStudy: likewise
    _text(
        "attributes"
    ),  # study and patient attributes; the computed ones (counts, modalities) are added on the way out
    _count("series"),
    _count("instances"),
    _count("received_ns"),  # when its first instance came
    _count("updated_ns"),  # when its last instance came
    Index("ix_studies_uid", "study_instance_uid", unique=True),
    Index("ix_studies_date", "study_date", "id"),
    Index("ix_studies_accession", "accession_number"),
    Index("ix_studies_patient_id", "patient_id"),
    Index("ix_studies_name", "name_folded"),
)

series = Table(
    "series",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study", ForeignKey("studies.id"), nullable=False, index=True),
    _text("series_instance_uid"),
    _text("modality"),
    _text("series_number"),
    _text("series_date"),
    _text("series_time"),
    _text("series_description"),
    _text("body_part_examined"),
    _text("laterality"),
    _text("protocol_name"),
    _text("operators_name"),
    _text("performing_physician_name"),
    _text("station_name"),
    _text("institution_name"),
    _text("manufacturer"),
    _text("performed_procedure_step_start_date"),
    _text("performed_procedure_step_start_time"),
    _text("attributes"),
    _count("instances"),
    _count("received_ns"),
    _count("updated_ns"),
    Index("ix_series_uid", "series_instance_uid", "study", unique=True),  # some peers use one UID in two studies
)

instances = Table(
    "instances",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("series", ForeignKey("series.id"), nullable=False, index=True),
    _text("sop_instance_uid"),
    _text("sop_class_uid"),
    _text("instance_number"),
    _text("content_date"),
    _text("content_time"),
    _text("acquisition_date_time"),
    _text("transfer_syntax_uid"),
    _text("pack"),
    _count("file_offset"),
    _count("file_length"),
    _count("data_set_offset"),
    Column("pixel_tag", Integer),
    Column("pixel_offset", Integer),
    Column("pixel_length", Integer),
    _count("frames"),
    _count("native_frame_bits"),
    Column("frame_table", LargeBinary),
    Column("digest", LargeBinary, nullable=False),  # BLAKE3 of the file
    Column("digest_data_set", LargeBinary, nullable=False),  # BLAKE3 of the data set: tells duplicates
    _count("received_ns"),
    _count("is_corrupt"),  # its bytes were found to be no longer those that were stored
    _text("door"),
    _text("source"),
    _text("called"),
    _text("address"),
    _text("attributes"),
    Index("ix_instances_uid", "sop_instance_uid", unique=True),
    Index(
        "ix_instances_corrupt",
        "received_ns",
        sqlite_where=text("is_corrupt = 1"),
        postgresql_where=text("is_corrupt = 1"),
    ),
)

conflicts = Table(
    "conflicts",
    metadata,
    Column("id", Integer, primary_key=True),
    _text("study_instance_uid"),
    _text("series_instance_uid"),
    _text("sop_instance_uid"),
    _text("transfer_syntax_uid"),
    _text("pack"),
    _count("file_offset"),
    _count("file_length"),
    _count("data_set_offset"),
    Column("digest", LargeBinary, nullable=False),
    Column("digest_data_set", LargeBinary, nullable=False),
    _count("received_ns"),
    _count("is_corrupt"),
    _text("door"),
    _text("source"),
    _text("called"),
    _text("address"),
    _text("reason"),
    _text("sop_class_uid"),  # "" of what came before this was kept
    Column("frame_table", LargeBinary),
    Index("ix_conflicts_uid", "sop_instance_uid"),
    Index("ix_conflicts_pack", "pack"),
    Index("ix_conflicts_received", "received_ns"),
)

rejected = Table(
    "rejected",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("rejection", Integer, nullable=False),  # entry of the journal in the records
    Column("purge", Integer),  # the entry that says its bytes go; NULL while it can be restored
    # It had in `instances` or `conflicts`, and has again when restored; of what another was taken for, the other's.
    Column("row_id", Integer, nullable=False),
    _count("is_conflict"),
    _text("study_instance_uid"),
    _text("series_instance_uid"),
    _text("sop_instance_uid"),
    _text("sop_class_uid"),  # "" of what was a conflict before this was kept of those
    _text("transfer_syntax_uid"),
    _text("pack"),
    _count("file_offset"),
    _count("file_length"),
    _count("data_set_offset"),
    Column("frame_table", LargeBinary),
    Column("digest", LargeBinary, nullable=False),
    Column("digest_data_set", LargeBinary, nullable=False),
    _count("received_ns"),
    _count("is_corrupt"),
    _text("door"),
    _text("source"),
    _text("called"),
    _text("address"),
    Index("ix_rejected_rejection", "rejection"),
    Index("ix_rejected_uid", "sop_instance_uid"),
    Index("ix_rejected_pack", "pack"),
    Index("ix_rejected_received", "received_ns", unique=True),
)

counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),  # journal: the last entry applied; events: no number below it is given
    _count("value"),
)

packs = Table(
    "packs",
    metadata,
    Column("id", Text, primary_key=True),
    _text("facility"),
    _text("series_instance_uid"),
    _text("state"),  # open, sealed; making: written by a purge; gone: a purge has moved what is in it
    _count("length"),  # bytes, once sealed
    _count("indexed_length"),  # once sealed: up to here every member is in the index; before, the instances tell
    _count("verified_ns"),  # when its digests were last re-read; 0 never
    Index("ix_packs_series", "series_instance_uid"),
    Index("ix_packs_open", "state", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
    Index("ix_packs_verified", "verified_ns", "id"),
)

events = Table(
    "events",
    metadata,
    Column("seq", Integer, primary_key=True),
    _text("kind"),
    _count("at_ns"),
    _text("study_instance_uid"),
    _text("series_instance_uid"),
    _text("sop_instance_uid"),
    Column("digest", LargeBinary, nullable=False),
    _text("actor"),
)

query_attributes = Table(
    "query_attributes",
    metadata,
    Column("id", Integer, primary_key=True),
    _text("name"),  # path and VR, as dicom.attribute_path writes and reads them
    _count("filled_to"),  # the instance up to which values are there
    _count("fill_to"),  # the last instance that was there before the attribute was named; later ones bring theirs
    _count("done"),  # instances looked at, of those that were there before
    _count("of_instances"),  # that were there before
    _count("is_dropped"),  # no longer named; its values are being taken out
    sqlite_autoincrement=True,
)

# What an operator names beyond the columns above: one row a value, as dicom.matching.comparable has it. In a sequence
# an item without a value has a row whose `text` and `value` are NULL. What lies between is NULL where there is none.
attribute_values = Table(
    "attribute_values",
    metadata,
    Column("instance", Integer, primary_key=True, autoincrement=False),
    Column("attribute", Integer, primary_key=True, autoincrement=False),
    Column("items", Text, primary_key=True),  # of the sequences around it, four digits each
    Column("place", Integer, primary_key=True, autoincrement=False),  # among several values
    Column("text", Text),
    Column("ideographic", Text),
    Column("phonetic", Text),
    Column("words", Text),
    Column("utc", Text),
    Column("value", Text),  # JSON
    Index("ix_attribute_values_text", "attribute", "text"),
    Index(
        "ix_attribute_values_ideographic",
        "attribute",
        "ideographic",
        sqlite_where=text("ideographic IS NOT NULL"),
        postgresql_where=text("ideographic IS NOT NULL"),
    ),
    Index(
        "ix_attribute_values_phonetic",
        "attribute",
        "phonetic",
        sqlite_where=text("phonetic IS NOT NULL"),
        postgresql_where=text("phonetic IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

# Folded names in pieces of three characters, for search inside them (SQLite FTS5, trigram tokenizer). The rowid is
# the id of the study or patient. Written by the index writer only; `name_folded LIKE '%..%'` and MATCH both use it.
study_names = table("study_names", column("rowid", Integer), column("name_folded", Text))
patient_names = table("patient_names", column("rowid", Integer), column("name_folded", Text))

NAME_TABLES = (("study_names", "studies"), ("patient_names", "patients"))
"""Each name table and the table whose `name_folded` it searches."""
