"""The messages of DIMSE as values: a struct for each command of PS3.7 Sections 9.3 and 10.3.

A field is the command element of that name; None means it is not sent. `has_data_set` stands for Command Data Set Type.
"""

from typing import ClassVar, Final

import msgspec

LOW, MEDIUM, HIGH = 2, 0, 1
"""Priority (0000,0700)."""


class _Command(msgspec.Struct, frozen=True, kw_only=True):
    command_field: ClassVar[int]


class _Request(_Command, frozen=True, kw_only=True):
    message_id: int


class _Response(_Command, frozen=True, kw_only=True):
    message_id_being_responded_to: int
    status: int
    has_data_set: bool = False
    error_comment: str | None = None
    offending_element: tuple[int, ...] | None = None


class CEchoRequest(_Request, frozen=True, kw_only=True):
    command_field = 0x0030
    affected_sop_class_uid: str = "1.2.840.10008.1.1"
    has_data_set: bool = False


class CEchoResponse(_Response, frozen=True, kw_only=True):
    command_field = 0x8030
    affected_sop_class_uid: str | None = None


class CStoreRequest(_Request, frozen=True, kw_only=True):
    command_field = 0x0001
    affected_sop_class_uid: str
    affected_sop_instance_uid: str
    priority: int = MEDIUM
    move_originator_aet: str | None = None
    move_originator_message_id: int | None = None
    has_data_set: bool = True


class CStoreResponse(_Response, frozen=True, kw_only=True):
    command_field = 0x8001
    affected_sop_class_uid: str | None = None
    affected_sop_instance_uid: str | None = None


class CFindRequest(_Request, frozen=True, kw_only=True):
    command_field = 0x0020
    affected_sop_class_uid: str
    priority: int = MEDIUM
    has_data_set: bool = True


class CFindResponse(_Response, frozen=True, kw_only=True):
    command_field = 0x8020
    affected_sop_class_uid: str | None = None
    error_id: int | None = None


class CGetRequest(_Request, frozen=True, kw_only=True):
    command_field = 0x0010
    affected_sop_class_uid: str
    priority: int = MEDIUM
    has_data_set: bool = True


class _RetrieveResponse(_Response, frozen=True, kw_only=True):
    affected_sop_class_uid: str | None = None
    error_id: int | None = None
    remaining_sub_operations: int | None = None
    completed_sub_operations: int | None = None
    failed_sub_operations: int | None = None
    warning_sub_operations: int | None = None


class CGetResponse(_RetrieveResponse, frozen=True, kw_only=True):
    command_field = 0x8010


class CMoveRequest(_Request, frozen=True, kw_only=True):
    command_field = 0x0021
    affected_sop_class_uid: str
    move_destination: str
    priority: int = MEDIUM
    has_data_set: bool = True


class CMoveResponse(_RetrieveResponse, frozen=True, kw_only=True):
    command_field = 0x8021


class CCancelRequest(_Command, frozen=True, kw_only=True):
    command_field = 0x0FFF
    message_id_being_responded_to: int
    has_data_set: bool = False


class NEventReportRequest(_Request, frozen=True, kw_only=True):
    command_field = 0x0100
    affected_sop_class_uid: str
    affected_sop_instance_uid: str
    event_type_id: int
    has_data_set: bool = False


class NEventReportResponse(_Response, frozen=True, kw_only=True):
    command_field = 0x8100
    affected_sop_class_uid: str | None = None
    affected_sop_instance_uid: str | None = None
    event_type_id: int | None = None
    error_id: int | None = None


class NGetRequest(_Request, frozen=True, kw_only=True):
    command_field = 0x0110
    requested_sop_class_uid: str
    requested_sop_instance_uid: str
    attribute_identifier_list: tuple[int, ...] | None = None
    has_data_set: bool = False


class NGetResponse(_Response, frozen=True, kw_only=True):
    command_field = 0x8110
    affected_sop_class_uid: str | None = None
    affected_sop_instance_uid: str | None = None
    attribute_identifier_list: tuple[int, ...] | None = None
    error_id: int | None = None


class NSetRequest(_Request, frozen=True, kw_only=True):
    command_field = 0x0120
    requested_sop_class_uid: str
    requested_sop_instance_uid: str
    has_data_set: bool = True


class NSetResponse(_Response, frozen=True, kw_only=True):
    command_field = 0x8120
    affected_sop_class_uid: str | None = None
    affected_sop_instance_uid: str | None = None
    attribute_identifier_list: tuple[int, ...] | None = None
    error_id: int | None = None


class NActionRequest(_Request, frozen=True, kw_only=True):
    command_field = 0x0130
    requested_sop_class_uid: str
    requested_sop_instance_uid: str
    action_type_id: int
    has_data_set: bool = False


class NActionResponse(_Response, frozen=True, kw_only=True):
    command_field = 0x8130
    affected_sop_class_uid: str | None = None
    affected_sop_instance_uid: str | None = None
    action_type_id: int | None = None
    error_id: int | None = None


class NCreateRequest(_Request, frozen=True, kw_only=True):
    command_field = 0x0140
    affected_sop_class_uid: str
    affected_sop_instance_uid: str | None = None
    has_data_set: bool = False


class NCreateResponse(_Response, frozen=True, kw_only=True):
    command_field = 0x8140
    affected_sop_class_uid: str | None = None
    affected_sop_instance_uid: str | None = None
    attribute_identifier_list: tuple[int, ...] | None = None
    error_id: int | None = None


class NDeleteRequest(_Request, frozen=True, kw_only=True):
    command_field = 0x0150
    requested_sop_class_uid: str
    requested_sop_instance_uid: str
    has_data_set: bool = False


class NDeleteResponse(_Response, frozen=True, kw_only=True):
    command_field = 0x8150
    affected_sop_class_uid: str | None = None
    affected_sop_instance_uid: str | None = None
    error_id: int | None = None


Request = (
    CEchoRequest
    | CStoreRequest
    | CFindRequest
    | CGetRequest
    | CMoveRequest
    | NEventReportRequest
    | NGetRequest
    | NSetRequest
    | NActionRequest
    | NCreateRequest
    | NDeleteRequest
)
Response = (
    CEchoResponse
    | CStoreResponse
    | CFindResponse
    | CGetResponse
    | CMoveResponse
    | NEventReportResponse
    | NGetResponse
    | NSetResponse
    | NActionResponse
    | NCreateResponse
    | NDeleteResponse
)
Command = Request | Response | CCancelRequest

RESPONSE_TO: Final[dict[type[Request], type[Response]]] = {
    CEchoRequest: CEchoResponse,
    CStoreRequest: CStoreResponse,
    CFindRequest: CFindResponse,
    CGetRequest: CGetResponse,
    CMoveRequest: CMoveResponse,
    NEventReportRequest: NEventReportResponse,
    NGetRequest: NGetResponse,
    NSetRequest: NSetResponse,
    NActionRequest: NActionResponse,
    NCreateRequest: NCreateResponse,
    NDeleteRequest: NDeleteResponse,
}
COMMANDS: Final[dict[int, type[Command]]] = {
    kind.command_field: kind for kind in (*RESPONSE_TO, *RESPONSE_TO.values(), CCancelRequest)
}
"""The struct of each Command Field (0000,0100) (PS3.7 Table E.1-1)."""
