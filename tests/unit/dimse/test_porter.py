"""Caps, and the rules for AE titles."""

import pytest

from sagittal.dicom.upper_layer.pdu import (
    APPLICATION_CONTEXT_NOT_SUPPORTED,
    CALLED_AET_NOT_RECOGNIZED,
    CALLING_AET_NOT_RECOGNIZED,
    LOCAL_LIMIT_EXCEEDED,
    AssociateReject,
    AssociateRequest,
)
from sagittal.dimse.porter import Porter
from sagittal.runtime.settings import Caller, Settings


def request(calling: str = "CT1", called: str = "SAGITTAL", application: str | None = None) -> AssociateRequest:
    made = AssociateRequest(called_aet=called, calling_aet=calling, contexts=())
    if application is None:
        return made
    return AssociateRequest(called_aet=called, calling_aet=calling, contexts=(), application_context=application)


@pytest.mark.parametrize(
    ("settings", "asked", "expected"),
    [
        (Settings(), request(), None),
        (Settings(), request(application="1.2.3"), APPLICATION_CONTEXT_NOT_SUPPORTED),
        (Settings(called_aets=("SAGITTAL",)), request(), None),
        (Settings(called_aets=("SAGITTAL",)), request(called="PACS"), CALLED_AET_NOT_RECOGNIZED),
        (Settings(callers={"CT1": Caller()}), request(), None),
        (Settings(callers={"CT1": Caller(("10.0.0.1",))}), request(), None),
        (Settings(callers={"CT1": Caller(("10.0.0.2",))}), request(), CALLING_AET_NOT_RECOGNIZED),
        (Settings(callers={"CT2": Caller()}), request(), CALLING_AET_NOT_RECOGNIZED),
        (Settings(), request(calling=""), CALLING_AET_NOT_RECOGNIZED),
        (Settings(), request(calling="CT\n1"), CALLING_AET_NOT_RECOGNIZED),
        (Settings(), request(calling="CT\xe9"), CALLING_AET_NOT_RECOGNIZED),
    ],
)
def test_titles_and_addresses_decide(
    settings: Settings, asked: AssociateRequest, expected: AssociateReject | None
) -> None:
    assert Porter[str](settings).judge(asked, "10.0.0.1") == expected


def test_the_cap_of_a_title_counts_only_that_title_and_frees_with_the_association() -> None:
    porter = Porter[str](Settings(max_associations_per_ae=1))
    porter.connect("a", "10.0.0.1")
    porter.associate("a", "CT1")
    assert porter.judge(request("CT1"), "10.0.0.1") == LOCAL_LIMIT_EXCEEDED
    assert porter.judge(request("CT2"), "10.0.0.1") is None
    porter.leave("a")
    assert porter.judge(request("CT1"), "10.0.0.1") is None
    assert porter.associations == 0


def test_the_total_cap_counts_every_association() -> None:
    porter = Porter[str](Settings(max_associations=2))
    for name in ("a", "b"):
        porter.connect(name, "10.0.0.1")
        porter.associate(name, name.upper())
    assert porter.judge(request("CT9"), "10.0.0.1") == LOCAL_LIMIT_EXCEEDED


def test_at_the_cap_of_an_address_its_oldest_half_open_connection_goes() -> None:
    porter = Porter[str](Settings(max_associations_per_address=2))
    assert porter.connect("other", "10.0.0.2") is None
    assert porter.connect("old", "10.0.0.1") is None
    assert porter.connect("new", "10.0.0.1") is None
    assert porter.connect("newer", "10.0.0.1") == "old"
    porter.leave("old")
    assert porter.connect("newest", "10.0.0.1") == "new"


def test_at_the_cap_of_an_address_with_associations_only_the_new_connection_goes() -> None:
    porter = Porter[str](Settings(max_associations_per_address=1))
    porter.connect("a", "10.0.0.1")
    porter.associate("a", "CT1")
    assert porter.connect("b", "10.0.0.1") == "b"


def test_half_open_connections_are_capped_in_all() -> None:
    porter = Porter[str](Settings(max_associations=2))
    porter.connect("a", "10.0.0.1")
    porter.connect("b", "10.0.0.2")
    assert porter.connect("c", "10.0.0.3") == "a"
