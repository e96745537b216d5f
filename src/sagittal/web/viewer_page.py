"""The page of the light viewer: small enough that its first picture comes with it."""

from html import escape
from urllib.parse import quote

import msgspec

from sagittal.archive.model import StoredInstance
from sagittal.web.assets import address
from sagittal.web.viewer_files import ViewerFiles
from sagittal.web.wording import _, direction, language, translated

FIRST_SIDE = 512
"""Of the first picture, pixels at most; the viewer asks for what its screen has room for when it has loaded."""

_QUALITY = 25


class SeriesShown(msgspec.Struct, frozen=True, kw_only=True):
    """A series in the strip beside the pictures."""

    uid: str
    number: str = ""
    modality: str = ""
    description: str = ""
    instances: int = 0


class StudyShown(msgspec.Struct, frozen=True, kw_only=True):
    """A study: of the page, or a prior one of the same patient."""

    uid: str
    date: str = ""
    time: str = ""
    description: str = ""
    modalities: str = ""
    accession: str = ""


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What a page begins with.

    Attributes:
        first: Series and SOP Instance UID and the number of the frame that is shown at once; empty if there is none.
        may_keep: whether measurements and key images can be kept by who looks.
    """

    study: StudyShown
    patient: dict[str, str]
    series: list[SeriesShown]
    priors: list[StudyShown] = []
    first: list[str] = []
    may_keep: bool = False


def first_picture(study: str, instance: StoredInstance, number: int) -> str:
    """The address of the picture that comes with the page."""
    place = "/".join(
        f"{level}/{quote(uid, safe='')}"
        for level, uid in (
            ("studies", study),
            ("series", instance.series_instance_uid),
            ("instances", instance.sop_instance_uid),
        )
    )
    return (
        f"/dicom-web/{place}/frames/{number}/rendered?viewport={FIRST_SIDE},{FIRST_SIDE}&quality={_QUALITY}"
        f"&accept=image/webp&v={instance.digest.hex()[:12]}"
    )


def viewer_page(opened: Opened, files: ViewerFiles, picture: str) -> str:
    """The page.

    Args:
        opened: what it begins with; goes along as JSON, so that nothing has to be asked for before the first picture.
        files: of the viewer.
        picture: address of the first picture; `""` if there is none.
    """
    data = _json(opened)
    title = " · ".join(part for part in (opened.patient.get("name", ""), opened.study.description) if part)
    image = f'<img id="first" src="{escape(picture)}" alt="" fetchpriority="high">' if picture else ""
    return _PAGE.format(
        title=escape(title or _("Study")),
        files=f"/view/files/{files.version}",
        data=data,
        image=image,
        icon=address("icon.svg"),
        noscript=escape(_("The pictures can be scrolled and measured with scripts only.")),
        language=language(),
        direction=direction(),
        texts=_texts(files),
    )


def _texts(files: ViewerFiles) -> str:
    """What the scripts say, in the language that is spoken; nothing for the one that they are written in."""
    said = {text: there for text in sorted(files.texts) if (there := translated(text)) != text}
    return f'<script type="application/json" id="texts">{_json(said)}</script>' if said else ""


def _json(value: object) -> str:
    """JSON that ends no element."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")


POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self'; "
    "connect-src 'self'; worker-src 'self'; frame-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)
"""No inline script or style, no other host, and no code from text: the codec is plain script."""

_PAGE = """<!doctype html>
<html lang="{language}" dir="{direction}"><head><meta charset="utf-8">\
<meta name="viewport" content="width=device-width,initial-scale=1,viewport-fit=cover">
<meta name="color-scheme" content="dark light"><title>{title}</title>
<link rel="icon" href="{icon}"><link rel="stylesheet" href="{files}/viewer.css">
<script type="module" src="{files}/boot.js"></script></head>
<body><div id="app"><div class="bar"></div><div class="side"></div><main id="stage">{image}</main></div>\
<noscript>{noscript}</noscript>
<script type="application/json" id="opened">{data}</script>{texts}</body></html>
"""
