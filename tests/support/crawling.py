"""Every page of a site as whoever walks through it finds them: by its routes without parameters, and by its links."""

from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from typing import Final, NamedTuple
from urllib.parse import urljoin, urlsplit

import httpx
from litestar import Litestar
from litestar.routes import HTTPRoute

MOST_PAGES: Final = 150
_UNREAD: Final = ("script", "style")
_VOID: Final = frozenset("area base br col embed hr img input link meta source track wbr".split())  # noqa: SIM905  # a table, as short as it is
_READ: Final = ("aria-label", "placeholder", "title", "alt", "data-failed", "data-going", "data-done", "data-broken")
"""Attributes that people read or hear."""


class Said(NamedTuple):
    """A piece of text, with the elements that it stands in: names, and what their `class`, `lang` and `dir` say."""

    text: str
    within: tuple[str, ...]


class Page(HTMLParser):
    """What is in a page.

    Attributes:
        said: texts and attributes that people read.
        links: where it leads to.
        elements: names and attributes of all elements.
    """

    def __init__(self, address: str, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.address, self.text = address, text
        self.said: list[Said] = []
        self.links: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self._open: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.elements.append((tag, found))
        if tag not in _VOID:
            marks = [f"{name}={found[name]}" for name in ("class", "lang", "dir") if name in found]
            self._open.append((tag, " ".join([tag, *marks])))
        if tag == "a" and found.get("href"):
            self.links.append(urljoin(self.address, found["href"]))
        self.said += [Said(found[name], (*self._within(), f"@{name}")) for name in _READ if found.get(name)]

    def handle_endtag(self, tag: str) -> None:
        names = [name for name, _ in self._open]
        if tag in names:
            del self._open[len(names) - 1 - names[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        if data.strip() and not any(name in _UNREAD for name, _ in self._open):
            self.said.append(Said(data.strip(), self._within()))

    def _within(self) -> tuple[str, ...]:
        return tuple(mark for _, mark in self._open)


def routes(app: Litestar) -> list[str]:
    """Paths of pages that are got and have no parameters."""
    return sorted(
        one.path
        for one in app.routes
        if isinstance(one, HTTPRoute) and "GET" in one.methods and "{" not in one.path and not _is_no_page(one.path)
    )


def crawl(client: httpx.Client, starts: Sequence[str]) -> Iterator[Page]:
    """Each page once, from some on, as far as links lead within the site."""
    queue, seen = list(starts), set(starts)
    for path in queue:
        answer = client.get(path, headers={"accept": "text/html"}, follow_redirects=True)
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        page = Page(path, answer.text)
        yield page
        for link in page.links:
            parts = urlsplit(link)
            where = parts.path + (f"?{parts.query}" if parts.query else "")
            is_here = not parts.scheme and not parts.netloc and where not in seen and not _is_no_page(parts.path)
            if is_here and len(queue) < MOST_PAGES:
                seen.add(where)
                queue.append(where)


def _is_no_page(path: str) -> bool:
    starts = ("/dicom-web", "/wado", "/api", "/ohif", "/assets", "/health", "/studies/changes", "/metrics")
    return path.startswith(starts) or path.endswith((".zip", ".js"))
