"""All pages for people, put together: what there is depends on whether there are accounts."""

from litestar import Router
from litestar.exceptions import HTTPException
from litestar.types import ControllerRouterHandler, ExceptionHandlersMap

from sagittal.access.own import Own
from sagittal.access.passkeys import RelyingParty
from sagittal.access.porter import Porter
from sagittal.access.preferences import PreferencesInRecords
from sagittal.access.signin import SignIn
from sagittal.access.signin_oidc import OidcSignIn
from sagittal.archive.archive import Archive
from sagittal.errors import SagittalError
from sagittal.web.account_pages import account_pages
from sagittal.web.link_pages import link_pages
from sagittal.web.problems import broken, failed, unanswered
from sagittal.web.sign_in_pages import first_start_pages, oidc_pages, sign_in_pages, sign_out_page

PROBLEMS: ExceptionHandlersMap = {SagittalError: failed, HTTPException: unanswered, Exception: broken}
"""How failures of pages are told, and paths where nothing is."""


def account_routes(
    sign_in: SignIn,
    own: Own,
    porter: Porter,
    party: RelyingParty,
    archive: Archive,
    dicomweb_root: str,
    *,
    oidc: OidcSignIn | None = None,
    provider: str = "",
) -> list[ControllerRouterHandler]:
    """The pages of a site with accounts.

    Args:
        sign_in, own, porter, party: see `access`.
        archive: whose studies are shared.
        dicomweb_root: path of DICOMweb, where pictures are rendered.
        oidc: signs in with an OpenID provider; None where there is none.
        provider: what that one is called.
    """
    (origin,) = party.origins
    kept = PreferencesInRecords(archive.records)
    pages = [
        *sign_in_pages(sign_in, kept, provider=provider, passkey_origin=origin),
        *oidc_pages(oidc, kept),
        sign_out_page(sign_in, oidc),
        *first_start_pages(sign_in, kept),
        *account_pages(own, sign_in, passkey_origin=origin),
        *link_pages(porter, archive, dicomweb_root),
    ]
    return [Router(path="/", route_handlers=pages, exception_handlers=PROBLEMS)]
