"""Every text that pages say, found where it stands: templates, modules, tables of words, the scripts of the viewer."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias, get_args

from babel.messages.extract import extract_from_file

import sagittal.web
from sagittal.audit.acts import EVENTS
from sagittal.lifecycle.reasons import REASONS as REJECTIONS
from sagittal.runtime.actor import ACTIONS, RELATIONS, ROLES, Kind
from sagittal.runtime.settings import describe
from sagittal.web.reasons import REASONS

WEB: Final = Path(sagittal.web.__file__).parent

Text: TypeAlias = str | tuple[str, str]
"""A text, or its singular and plural."""

_KEYWORDS: Final[Mapping[str, tuple[int, ...] | None]] = {
    "_": None,
    "many": (1, 2),
    "forms": (1, 2),
    "ngettext": (1, 2),
}
_METHODS: Final = ("password", "totp", "recovery code", "passkey", "oidc", "link")
_WAYS: Final = ("DICOMweb root for viewers", "Ask it", "Send from a modality or with DCMTK")
_COUNTED: Final = ("patients", "studies", "series", "instances")
_TOOLS: Final = re.compile(r'\["[^"]+", "([A-Za-z][^"]*)"(?:, "[^"]+")?\]')
_SCRIPT: Final = (
    re.compile(r'\b_\(\s*"([^"]+)"'),
    re.compile(r'\b_\([^()"]*\? "([^"]+)" :'),
    re.compile(r'\b_\([^()"]*\? "[^"]+" : "([^"]+)"'),
    re.compile(r'\["(?!SUV)([A-Z][^"]*)", -?[\d.]+, [\d.]+\]'),  # windows
    re.compile(r'\["\w+", (?:true|false), "([^"]+)"\]'),  # where spacing comes from
    re.compile(r'\bname: "([A-Z][^"]+)"'),  # kinds of measurements
)


def texts() -> dict[Text, str]:
    """Every text, and where it stands."""
    found: dict[Text, str] = {}
    for text, where in (*_written(), *_tabled()):
        found.setdefault(text, where)
    return found


def _written() -> Iterator[tuple[Text, str]]:
    places = [("python", path) for path in sorted(WEB.glob("*.py"))]
    places += [("jinja2.ext:babel_extract", path) for path in sorted((WEB / "templates").glob("*.html"))]
    for method, path in places:
        for _line, said, _comments, _context in extract_from_file(method, path, keywords=_KEYWORDS):
            yield said if isinstance(said, str) else (said[0], said[1]), path.name
    for path in sorted((WEB / "assets" / "viewer").glob("*.js")):
        for pattern in (*_SCRIPT, *((_TOOLS,) if path.name == "toolbar.js" else ())):
            for said in pattern.findall(path.read_text()):
                yield said, path.name


def _tabled() -> Iterator[tuple[Text, str]]:
    yield from ((one.description, "Settings") for one in describe())
    tables: Mapping[str, tuple[str, ...]] = {
        "REASONS": REASONS,
        "ROLES": ROLES,
        "ACTIONS": ACTIONS,
        "RELATIONS": RELATIONS,
        "Kind": get_args(Kind),
        "EVENTS": tuple(EVENTS),
        "REJECTIONS": tuple(REJECTIONS.values()),
        "methods": _METHODS,
        "ways": _WAYS,
        "counted": _COUNTED,
    }
    for table, some in tables.items():
        yield from ((one if some is REASONS else one.replace("_", " "), table) for one in some)
