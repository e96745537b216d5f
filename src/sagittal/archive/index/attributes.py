"""Which attributes the index keeps at which level, and which of them are columns of their own.

Each table is a level: tag -> column name, or None where the attribute is only in the level's DICOM JSON. They hold the
required and unique keys of PS3.4 Tables C.6-1 to C.6-5, the attributes that PS3.18 Tables 10.6.3-3 to 10.6.3-5 want in
answers, and optional ones that people ask for. What is counted or computed (Modalities in Study, numbers of related
objects) is not here: see `parents`.
"""

from collections.abc import Mapping

Attributes = Mapping[int, str | None]

SPECIFIC_CHARACTER_SET = 0x00080005
SOP_CLASS_UID = 0x00080016
SOP_INSTANCE_UID = 0x00080018
MODALITY = 0x00080060
PATIENT_ID = 0x00100020
ISSUER_OF_PATIENT_ID = 0x00100021
STUDY_INSTANCE_UID = 0x0020000D
SERIES_INSTANCE_UID = 0x0020000E
SAMPLES_PER_PIXEL = 0x00280002
PHOTOMETRIC_INTERPRETATION = 0x00280004
TIMEZONE_OFFSET = 0x00080201
NUMBER_OF_FRAMES = 0x00280008
ROWS = 0x00280010
COLUMNS = 0x00280011
BITS_ALLOCATED = 0x00280100

PATIENT: Attributes = {
    0x00081120: None,  # Referenced Patient Sequence
    0x00100010: "patient_name",
    PATIENT_ID: "patient_id",
    ISSUER_OF_PATIENT_ID: "issuer",
    0x00100022: None,  # Type of Patient ID
    0x00100024: None,  # Issuer of Patient ID Qualifiers Sequence
    0x00100030: "patient_birth_date",
    0x00100032: "patient_birth_time",
    0x00100040: "patient_sex",
    0x00101000: "other_patient_ids",
    0x00101001: None,  # Other Patient Names
    0x00101002: None,  # Other Patient IDs Sequence
    0x00101005: None,  # Patient's Birth Name
    0x00101060: None,  # Patient's Mother's Birth Name
    0x00102160: "ethnic_group",
    0x00102201: None,  # Patient Species Description
    0x00102202: None,  # Patient Species Code Sequence
    0x00102203: None,  # Patient's Sex Neutered
    0x00102292: None,  # Patient Breed Description
    0x00102293: None,  # Patient Breed Code Sequence
    0x00102297: None,  # Responsible Person
    0x00102298: None,  # Responsible Person Role
    0x00102299: None,  # Responsible Organization
    0x00104000: "patient_comments",
    0x00120010: None,  # Clinical Trial Sponsor Name
    0x00120020: None,  # Clinical Trial Protocol ID
    0x00120021: None,  # Clinical Trial Protocol Name
    0x00120030: None,  # Clinical Trial Site ID
    0x00120031: None,  # Clinical Trial Site Name
    0x00120040: None,  # Clinical Trial Subject ID
    0x00120042: None,  # Clinical Trial Subject Reading ID
    0x00120062: None,  # Patient Identity Removed
    0x00120063: None,  # De-identification Method
    0x00120064: None,  # De-identification Method Code Sequence
}

_STUDY: Attributes = {
    0x00080020: "study_date",
    0x00080030: "study_time",
    0x00080050: "accession_number",
    0x00080051: None,  # Issuer of Accession Number Sequence
    0x00080063: None,  # Anatomic Regions in Study Code Sequence
    0x00080090: "referring_physician_name",
    0x00080096: None,  # Referring Physician Identification Sequence
    0x0008009C: None,  # Consulting Physician's Name
    0x00080201: None,  # Timezone Offset From UTC
    0x00081030: "study_description",
    0x00081032: None,  # Procedure Code Sequence
    0x00081048: None,  # Physician(s) of Record
    0x00081060: "name_of_physicians_reading_study",
    0x00081062: None,  # Physician(s) Reading Study Identification Sequence
    0x00081080: "admitting_diagnoses_description",
    0x00081084: None,  # Admitting Diagnoses Code Sequence
    0x00081110: None,  # Referenced Study Sequence
    0x00101010: "patient_age",
    0x00101020: "patient_size",
    0x00101030: "patient_weight",
    0x00102000: None,  # Medical Alerts
    0x00102110: None,  # Allergies
    0x00102180: None,  # Occupation
    0x001021A0: None,  # Smoking Status
    0x001021B0: None,  # Additional Patient History
    0x001021C0: None,  # Pregnancy Status
    0x00120050: None,  # Clinical Trial Time Point ID
    0x00120051: None,  # Clinical Trial Time Point Description
    STUDY_INSTANCE_UID: "study_instance_uid",
    0x00200010: "study_id",
    0x00201070: None,  # Other Study Numbers (retired)
    0x00321032: None,  # Requesting Physician
    0x00321033: None,  # Requesting Service
    0x00380010: None,  # Admission ID
    0x00380014: None,  # Issuer of Admission ID Sequence
    0x00380060: None,  # Service Episode ID
    0x00380062: None,  # Service Episode Description
    0x00401012: None,  # Reason For Performed Procedure Code Sequence
}

STUDY_ONLY = _STUDY

STUDY: Attributes = dict(sorted({**PATIENT, **_STUDY}.items()))
"""A study's own, and its copy of the patient's."""

SERIES: Attributes = {
    0x00080021: "series_date",
    0x00080031: "series_time",
    MODALITY: "modality",
    0x00080068: None,  # Presentation Intent Type
    0x00080070: "manufacturer",
    0x00080080: "institution_name",
    0x00080081: None,  # Institution Address
    0x00080201: None,  # Timezone Offset From UTC
    0x00081010: "station_name",
    0x0008103E: "series_description",
    0x0008103F: None,  # Series Description Code Sequence
    0x00081040: None,  # Institutional Department Name
    0x00081050: "performing_physician_name",
    0x00081070: "operators_name",
    0x00081072: None,  # Operator Identification Sequence
    0x00081090: None,  # Manufacturer's Model Name
    0x00081111: None,  # Referenced Performed Procedure Step Sequence
    0x00120071: None,  # Clinical Trial Series ID
    0x00120072: None,  # Clinical Trial Series Description
    0x00180015: "body_part_examined",
    0x00181000: None,  # Device Serial Number
    0x00181020: None,  # Software Versions
    0x00181030: "protocol_name",
    0x00185100: None,  # Patient Position
    SERIES_INSTANCE_UID: "series_instance_uid",
    0x00200011: "series_number",
    0x00200052: None,  # Frame of Reference UID
    0x00200060: "laterality",
    0x00201040: None,  # Position Reference Indicator
    0x00400244: "performed_procedure_step_start_date",
    0x00400245: "performed_procedure_step_start_time",
    0x00400250: None,  # Performed Procedure Step End Date
    0x00400251: None,  # Performed Procedure Step End Time
    0x00400253: None,  # Performed Procedure Step ID
    0x00400254: None,  # Performed Procedure Step Description
    0x00400260: None,  # Performed Protocol Code Sequence
    0x00400275: None,  # Request Attributes Sequence
    0x00400280: None,  # Comments on the Performed Procedure Step
}

INSTANCE: Attributes = {
    0x00080008: None,  # Image Type
    0x00080012: None,  # Instance Creation Date
    0x00080013: None,  # Instance Creation Time
    SOP_CLASS_UID: None,
    SOP_INSTANCE_UID: None,
    0x0008001A: None,  # Related General SOP Class UID
    0x00080022: None,  # Acquisition Date
    0x00080023: "content_date",
    0x0008002A: "acquisition_date_time",
    0x00080032: None,  # Acquisition Time
    0x00080033: "content_time",
    0x00080201: None,  # Timezone Offset From UTC
    0x00083001: None,  # Alternate Representation Sequence
    0x00200012: None,  # Acquisition Number
    0x00200013: "instance_number",
    0x00200032: None,  # Image Position (Patient)
    0x00200037: None,  # Image Orientation (Patient)
    0x00204000: None,  # Image Comments
    SAMPLES_PER_PIXEL: None,
    PHOTOMETRIC_INTERPRETATION: None,
    NUMBER_OF_FRAMES: None,
    ROWS: None,
    COLUMNS: None,
    0x00280030: None,  # Pixel Spacing
    BITS_ALLOCATED: None,
    0x0040A032: None,  # Observation DateTime
    0x0040A043: None,  # Concept Name Code Sequence
    0x0040A073: None,  # Verifying Observer Sequence
    0x0040A370: None,  # Referenced Request Sequence
    0x0040A491: None,  # Completion Flag
    0x0040A493: None,  # Verification Flag
    0x0040A504: None,  # Content Template Sequence
    0x00400512: None,  # Container Identifier
    0x00400560: None,  # Specimen Description Sequence
    0x00420010: None,  # Document Title
    0x00420012: None,  # MIME Type of Encapsulated Document
    0x00700080: None,  # Content Label
    0x00700081: None,  # Content Description
    0x00700082: None,  # Presentation Creation Date
    0x00700083: None,  # Presentation Creation Time
    0x00700084: None,  # Content Creator's Name
}

PARENT_TAGS: tuple[int, ...] = tuple(sorted(STUDY.keys() | SERIES.keys()))
"""What the rows above an instance are made of."""

INSTANCE_TAGS: tuple[int, ...] = tuple(sorted(INSTANCE))

INDEX_TAGS: frozenset[int] = frozenset((SPECIFIC_CHARACTER_SET, *PARENT_TAGS, *INSTANCE_TAGS))
"""What the header reader is to keep of a data set."""

COLUMN_TAGS: frozenset[int] = frozenset(
    tag for level in (STUDY, SERIES, INSTANCE) for tag, column in level.items() if column is not None
)
"""Those whose text is in a column at some level."""
