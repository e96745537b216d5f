"""Examples for the description of the API, composed of what each member is called."""

from collections.abc import Mapping
from typing import Any, Final

_STUDY: Final = "1.2.826.0.1.3680043.8.498.1"
_SERIES: Final = f"{_STUDY}.2"
_INSTANCE: Final = f"{_SERIES}.3"
_AT: Final = "2026-03-14T09:26:53.589+00:00"

BY_NAME: Final[Mapping[str, object]] = {
    "account": "jo",
    "actor": "jo",
    "actor_kind": "person",
    "accession_number": "A-1234",
    "address": "192.0.2.7",
    "addresses": ["192.0.2.0/24"],
    "aet": "CT1",
    "agent": "Firefox",
    "at": _AT,
    "body_part_examined": "CHEST",
    "by": "jo",
    "called": "pacs.example.org",
    "called_aets": ["NORTH"],
    "certificate": "",
    "code": "123456",
    "created": _AT,
    "current": "four words in a row",
    "cursor": 0,
    "days": 30,
    "description": "folder that holds everything that is kept",
    "default": '""',
    "destination": "ARCHIVE2",
    "detail": "",
    "door": "api",
    "environment": "SAGITTAL_AET",
    "expires": _AT,
    "facility": "north",
    "full_name": "Jo Doe",
    "host": "192.0.2.9",
    "id": 7,
    "instance": _INSTANCE,
    "issuer": "",
    "keyword": "PatientID",
    "language": "fr",
    "label": "night job",
    "limit": 50,
    "lasts_s": 14400,
    "meaning": "Rejected for Quality Reasons",
    "method": "password",
    "modality": "CT",
    "modalities": ["CT", "SR"],
    "name": "north",
    "new": "five words in a row now",
    "next": None,
    "note": "positioning",
    "notice": "Breaking the glass is noted and reviewed.",
    "patient": 12,
    "patient_birth_date": "19700101",
    "patient_id": "P-77",
    "patient_name": "Doe^Jane",
    "patient_sex": "F",
    "password": "four words in a row",
    "person_names": ["Doe^Jo"],
    "pin": "",
    "port": 11112,
    "reason": "quality",
    "received": _AT,
    "referring_physician_name": "Roe^Richard",
    "response": "{}",
    "secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
    "series_description": "Thorax 1.0",
    "series_number": "2",
    "session": "0a1b2c3d4e5f6071",
    "since": "20260101",
    "study": _STUDY,
    "study_date": "20260314",
    "study_description": "CT thorax",
    "study_time": "092653",
    "subject": "",
    "tag": "(0010,0020)",
    "text": "doe thorax",
    "ticket": "q1w2e3",
    "title": "Hospital North",
    "token": "sgt_q1w2e3r4t5z6u7i8o9p0",
    "total": 1,
    "uid": _INSTANCE,
    "until": "",
    "updated": _AT,
    "used": _AT,
    "value": "P-77",
    "verdict": "in order",
    "version": "0.1.0",
    "vr": "LO",
    "why": "",
}
"""What a member of a name looks like, where that fits what it may be."""

BY_OWNER: Final[Mapping[tuple[str, str], object]] = {
    ("AccountShown", "name"): "jo",
    ("NewAccountBody", "name"): "jo",
    ("Me", "name"): "jo",
    ("About", "name"): "Sagittal",
    ("SettingShown", "name"): "aet",
    ("SettingShown", "kind"): "text",
    ("SettingShown", "value"): '"SAGITTAL"',
    ("SettingShown", "description"): "our own AE title",
    ("SettingShown", "default"): "SAGITTAL",
    ("SavedShown", "name"): "this year's CT",
    ("NewFilters", "name"): "this year's CT",
    ("LinkMade", "address"): "https://pacs.example.org/link/q1w2e3r4t5z6u7i8o9p0",
    ("SecondFactorBegun", "address"): "otpauth://totp/Sagittal:jo?secret=GEZDGNBVGY3TQOJQ&issuer=Sagittal",
    ("PasskeyBegun", "options"): "{}",
    ("LedgerSearch", "since"): _AT,
    ("LedgerSearch", "until"): None,
    ("LedgerSearch", "kind"): "read",
    ("LineShown", "kind"): "read",
    ("LineShown", "until"): _AT,
    ("BrokenShown", "reason"): "nobody else can be reached",
    ("Reason", "reason"): "nobody else can be reached",
    ("NewHold", "reason"): "a case at court",
    ("NewHold", "patient_id"): "",
    ("HoldShown", "reason"): "a case at court",
    ("HoldShown", "patient_id"): "",
    ("ShareShown", "account"): 7,
    ("NewShareBody", "account"): "",
    ("NewShareBody", "series"): "",
    ("Consent", "patient_id"): "P-77",
    ("NewLinkBody", "series"): "",
    ("SendTo", "series"): "",
    ("NewRejection", "instance"): None,
    ("NewRejection", "series"): None,
    ("NewRejection", "reason"): "worklist",
    ("PasskeyShown", "label"): "phone",
    ("NewPasskey", "label"): "phone",
    ("PasskeyChange", "label"): "phone",
    ("OfModality", "studies"): 3,
    ("NewAccountBody", "roles"): [{"role": "radiologist", "facility": "north"}],
    ("AccountShown", "roles"): [{"role": "radiologist", "facility": "north"}],
}
"""The same where it is told by whose member it is."""

Members = Mapping[str, Any]  # Any: members of a JSON object


def example_of(schema: Members, components: Mapping[str, Members], name: str = "", owner: str = "") -> Any:  # Any: JSON
    """What a schema describes, for a member called `name` of the component `owner`."""
    if "$ref" in schema:
        owner = schema["$ref"].rpartition("/")[2]
        return example_of(components[owner], components, name, owner)
    if (owner, name) in BY_OWNER:
        return BY_OWNER[owner, name]
    if name == "series" and schema.get("type") == "string":
        return _SERIES
    if name in BY_NAME and _fits(BY_NAME[name], schema):
        return BY_NAME[name]
    if "enum" in schema:
        return next((one for one in schema["enum"] if one), schema["enum"][0])
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], components, name, owner)
    return _by_type(schema, components, name, owner)


def _by_type(schema: Members, components: Mapping[str, Members], name: str, owner: str) -> Any:  # Any: JSON
    kind = schema.get("type")
    if kind == "object":
        members = schema.get("properties", {})
        return {one: example_of(said, components, one, owner) for one, said in members.items()}
    if kind == "array":
        if said := schema.get("prefixItems"):
            return [example_of(one, components) for one in said]
        return [example_of(schema["items"], components, name.removesuffix("s"), owner)] if schema.get("items") else []
    usual: Mapping[Any, object] = {"string": "", "boolean": False, "number": 1.5, "null": None}  # Any: names of types
    return schema.get("default", max(1, schema.get("minimum", 1)) if kind == "integer" else usual.get(kind))


def _fits(value: object, schema: Members) -> bool:
    """Whether a value is of the type of a schema, as far as a member of the same name may be something else."""
    kinds = [one.get("type") for one in schema.get("anyOf", (schema,))]
    said = {str: "string", int: "integer", list: "array", type(None): "null"}.get(type(value), "")
    if "enum" in schema:
        return value in schema["enum"]
    if said == "array":
        return all(one.get("items", {}).get("type") == "string" for one in schema.get("anyOf", (schema,)))
    return said in kinds
