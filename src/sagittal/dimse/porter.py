"""Who may come in: caps on connections and associations, and the rules for AE titles. Pure book-keeping."""

from collections import Counter
from typing import Generic, TypeVar

from sagittal.dicom.identifiers import check_ae_title
from sagittal.dicom.upper_layer.items import APPLICATION_CONTEXT
from sagittal.dicom.upper_layer.pdu import (
    APPLICATION_CONTEXT_NOT_SUPPORTED,
    CALLED_AET_NOT_RECOGNIZED,
    CALLING_AET_NOT_RECOGNIZED,
    LOCAL_LIMIT_EXCEEDED,
    AssociateReject,
    AssociateRequest,
)
from sagittal.errors import Invalid
from sagittal.runtime.settings import Settings

T = TypeVar("T")


class Porter(Generic[T]):
    """Counts what is open. `T` is whatever stands for a connection.

    A connection is half-open until its association is accepted. Half-open ones never keep others out: at a cap the
    oldest half-open one has to go.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._half_open: dict[T, str] = {}  # address by connection, oldest first
        self._associated: dict[T, tuple[str, str]] = {}  # calling AE title and address
        self._by_address: Counter[str] = Counter()
        self._by_aet: Counter[str] = Counter()

    @property
    def associations(self) -> int:
        """How many associations are open."""
        return len(self._associated)

    def connect(self, connection: T, address: str) -> T | None:
        """Takes down a new connection; returns the one that has to be dropped for it, it itself if need be."""
        self._half_open[connection] = address
        self._by_address[address] += 1
        if self._by_address[address] > self._settings.max_associations_per_address:
            return next(old for old, its in self._half_open.items() if its == address)
        if len(self._half_open) > self._settings.max_associations:
            return next(iter(self._half_open))
        return None

    def judge(self, request: AssociateRequest, address: str) -> AssociateReject | None:
        """Why the association is not to be; None if it may."""
        if request.application_context != APPLICATION_CONTEXT:
            return APPLICATION_CONTEXT_NOT_SUPPORTED
        called = self._settings.called_aets
        if called and request.called_aet not in called:
            return CALLED_AET_NOT_RECOGNIZED
        if not is_ae_title(request.calling_aet) or not self._is_known(request.calling_aet, address):
            return CALLING_AET_NOT_RECOGNIZED
        if (
            len(self._associated) >= self._settings.max_associations
            or self._by_aet[request.calling_aet] >= self._settings.max_associations_per_ae
        ):
            return LOCAL_LIMIT_EXCEEDED
        return None

    def associate(self, connection: T, calling_aet: str) -> None:
        """The connection's association is accepted."""
        address = self._half_open.pop(connection)
        self._associated[connection] = (calling_aet, address)
        self._by_aet[calling_aet] += 1

    def leave(self, connection: T) -> None:
        """The connection is gone."""
        if connection in self._half_open:
            address = self._half_open.pop(connection)
        else:
            aet, address = self._associated.pop(connection)
            _less(self._by_aet, aet)
        _less(self._by_address, address)

    def _is_known(self, aet: str, address: str) -> bool:
        callers = self._settings.callers
        if not callers:
            return True
        caller = callers.get(aet)
        return caller is not None and (not caller.addresses or address in caller.addresses)


def is_ae_title(text: str) -> bool:
    """Whether `text` is fit to be shown, kept and compared as an AE title."""
    try:
        return check_ae_title(text) == text
    except Invalid:
        return False


def _less(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
