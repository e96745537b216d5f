"""The first index: patients, studies, series, instances, conflicts, packs, events, and names in trigrams."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    _patients()
    _studies()
    _series()
    _instances()
    _conflicts()
    _packs()
    _events()
    _names()


def _patients() -> None:
    op.create_table(
        "patients",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("facility", sa.Text(), server_default="", nullable=False),
        sa.Column("patient_id", sa.Text(), server_default="", nullable=False),
        sa.Column("issuer", sa.Text(), server_default="", nullable=False),
        sa.Column("of_study", sa.Text(), server_default="", nullable=False),
        sa.Column("patient_name", sa.Text(), server_default="", nullable=False),
        sa.Column("name_folded", sa.Text(), server_default="", nullable=False),
        sa.Column("patient_birth_date", sa.Text(), server_default="", nullable=False),
        sa.Column("patient_birth_time", sa.Text(), server_default="", nullable=False),
        sa.Column("patient_sex", sa.Text(), server_default="", nullable=False),
        sa.Column("other_patient_ids", sa.Text(), server_default="", nullable=False),
        sa.Column("ethnic_group", sa.Text(), server_default="", nullable=False),
        sa.Column("patient_comments", sa.Text(), server_default="", nullable=False),
        sa.Column("attributes", sa.Text(), server_default="", nullable=False),
        sa.Column("studies", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("series", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("instances", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_patients_identity", "patients", ["patient_id", "issuer", "facility", "of_study"], unique=True)


def _studies() -> None:
    op.create_table(
        "studies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient", sa.Integer(), nullable=False),
        sa.Column("facility", sa.Text(), server_default="", nullable=False),
        sa.Column("study_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("study_date", sa.Text(), server_default="", nullable=False),
        sa.Column("study_time", sa.Text(), server_default="", nullable=False),
        sa.Column("accession_number", sa.Text(), server_default="", nullable=False),
        sa.Column("study_id", sa.Text(), server_default="", nullable=False),
        sa.Column("study_description", sa.Text(), server_default="", nullable=False),
        sa.Column("referring_physician_name", sa.Text(), server_default="", nullable=False),
        sa.Column("referring_folded", sa.Text(), server_default="", nullable=False),
        sa.Column("name_of_physicians_reading_study", sa.Text(), server_default="", nullable=False),
        sa.Column("admitting_diagnoses_description", sa.Text(), server_default="", nullable=False),
        sa.Column("patient_id", sa.Text(), server_default="", nullable=False),
        sa.Column("issuer", sa.Text(), server_default="", nullable=False),
        sa.Column("patient_name", sa.Text(), server_default="", nullable=False),
        sa.Column("name_folded", sa.Text(), server_default="", nullable=False),
        sa.Column("patient_birth_date", sa.Text(), server_default="", nullable=False),
        sa.Column("patient_birth_time", sa.Text(), server_default="", nullable=False),
        sa.Column("patient_sex", sa.Text(), server_default="", nullable=False),
        sa.Column("patient_age", sa.Text(), server_default="", nullable=False),
        sa.Column("patient_size", sa.Text(), server_default="", nullable=False),
        sa.Column("patient_weight", sa.Text(), server_default="", nullable=False),
        sa.Column("modalities", sa.Text(), server_default="", nullable=False),
        sa.Column("sop_classes", sa.Text(), server_default="", nullable=False),
        sa.Column("attributes", sa.Text(), server_default="", nullable=False),
        sa.Column("series", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("instances", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("received_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("updated_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient"],
            ["patients.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_studies_accession", "studies", ["accession_number"])
    op.create_index("ix_studies_date", "studies", ["study_date", "id"])
    op.create_index("ix_studies_name", "studies", ["name_folded"])
    op.create_index(op.f("ix_studies_patient"), "studies", ["patient"])
    op.create_index("ix_studies_patient_id", "studies", ["patient_id"])
    op.create_index("ix_studies_uid", "studies", ["study_instance_uid"], unique=True)


def _series() -> None:
    op.create_table(
        "series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study", sa.Integer(), nullable=False),
        sa.Column("series_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("modality", sa.Text(), server_default="", nullable=False),
        sa.Column("series_number", sa.Text(), server_default="", nullable=False),
        sa.Column("series_date", sa.Text(), server_default="", nullable=False),
        sa.Column("series_time", sa.Text(), server_default="", nullable=False),
        sa.Column("series_description", sa.Text(), server_default="", nullable=False),
        sa.Column("body_part_examined", sa.Text(), server_default="", nullable=False),
        sa.Column("laterality", sa.Text(), server_default="", nullable=False),
        sa.Column("protocol_name", sa.Text(), server_default="", nullable=False),
        sa.Column("operators_name", sa.Text(), server_default="", nullable=False),
        sa.Column("performing_physician_name", sa.Text(), server_default="", nullable=False),
        sa.Column("station_name", sa.Text(), server_default="", nullable=False),
        sa.Column("institution_name", sa.Text(), server_default="", nullable=False),
        sa.Column("manufacturer", sa.Text(), server_default="", nullable=False),
        sa.Column("performed_procedure_step_start_date", sa.Text(), server_default="", nullable=False),
        sa.Column("performed_procedure_step_start_time", sa.Text(), server_default="", nullable=False),
        sa.Column("attributes", sa.Text(), server_default="", nullable=False),
        sa.Column("instances", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("received_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("updated_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["study"],
            ["studies.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_series_study"), "series", ["study"])
    op.create_index("ix_series_uid", "series", ["series_instance_uid", "study"], unique=True)


def _instances() -> None:
    op.create_table(
        "instances",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("sop_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("sop_class_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("instance_number", sa.Text(), server_default="", nullable=False),
        sa.Column("content_date", sa.Text(), server_default="", nullable=False),
        sa.Column("content_time", sa.Text(), server_default="", nullable=False),
        sa.Column("acquisition_date_time", sa.Text(), server_default="", nullable=False),
        sa.Column("transfer_syntax_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("pack", sa.Text(), server_default="", nullable=False),
        sa.Column("file_offset", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("file_length", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("data_set_offset", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("pixel_tag", sa.Integer(), nullable=True),
        sa.Column("pixel_offset", sa.Integer(), nullable=True),
        sa.Column("pixel_length", sa.Integer(), nullable=True),
        sa.Column("frames", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("native_frame_bits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("frame_table", sa.LargeBinary(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("digest_data_set", sa.LargeBinary(), nullable=False),
        sa.Column("received_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_corrupt", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("door", sa.Text(), server_default="", nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("called", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("attributes", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["series"],
            ["series.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_instances_series"), "instances", ["series"])
    op.create_index("ix_instances_uid", "instances", ["sop_instance_uid"], unique=True)


def _conflicts() -> None:
    op.create_table(
        "conflicts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("series_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("sop_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("transfer_syntax_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("pack", sa.Text(), server_default="", nullable=False),
        sa.Column("file_offset", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("file_length", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("data_set_offset", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("digest_data_set", sa.LargeBinary(), nullable=False),
        sa.Column("received_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_corrupt", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("door", sa.Text(), server_default="", nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("called", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_conflicts_pack", "conflicts", ["pack"])
    op.create_index("ix_conflicts_uid", "conflicts", ["sop_instance_uid"])


def _packs() -> None:
    op.create_table(
        "packs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), server_default="", nullable=False),
        sa.Column("series_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("length", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("indexed_length", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("verified_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_packs_open",
        "packs",
        ["state"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("ix_packs_series", "packs", ["series_instance_uid"])
    op.create_index("ix_packs_verified", "packs", ["verified_ns", "id"])


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("at_ns", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("study_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("series_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("sop_instance_uid", sa.Text(), server_default="", nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )


def _names() -> None:
    for names, content in (("study_names", "studies"), ("patient_names", "patients")):
        op.execute(
            f"CREATE VIRTUAL TABLE {names} USING fts5"
            f"(name_folded, content='{content}', content_rowid='id', tokenize='trigram')"
        )
