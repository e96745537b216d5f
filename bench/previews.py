"""Previews of the light viewer: what one costs the server, how many there are in a second, how large and good they are.

Each is of a CT slice of 512 x 512 that was never asked for: nothing is kept that would help. CPU is that of the server
with its workers. Sizes and PSNR (to the same picture without loss) are of the same slices in every form.
"""

import statistics
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np
from PIL import Image

from bench import peers
from bench.archive_corpus import Corpus, make_archive
from bench.http_load import get, load
from bench.peers import Peer
from bench.reading import fill

MOST_CPU_MS, LEAST_PER_S = 4.0, 250.0
CT, CONNECTIONS, LOOKED_AT = 600, 8, 20
_ROUND = 100


class Form(NamedTuple):
    """A form of previews; `is_chosen`: one of those that the viewer asks for."""

    name: str
    query: str
    is_chosen: bool


FORMS = (
    Form("WebP, thin lines", "quality=25&accept=image/webp", is_chosen=True),
    Form("JPEG, quick lines", "quality=60&accept=image/jpeg", is_chosen=True),
    Form("WebP, quality 45", "quality=45&accept=image/webp", is_chosen=False),
    Form("WebP, quality 60", "quality=60&accept=image/webp", is_chosen=False),
    Form("JPEG, quality 45", "quality=45&accept=image/jpeg", is_chosen=False),
)


def measure(root: Path, tell: Callable[[str], None]) -> None:
    """Tells of each form of previews."""
    corpus = make_archive(root / "corpus", 10, CT)
    with peers.sagittal(root / "sagittal") as peer:
        fill(peer, corpus, root / "ways")
        rounds: dict[str, list[tuple[float, float]]] = {form.name: [] for form in FORMS}
        asking = {form.name: _requests(peer, corpus, form) for form in FORMS}
        for number in range(CT // _ROUND):
            for form in FORMS if number % 2 else FORMS[::-1]:
                figures = _round(peer, asking[form.name])
                if number:  # the first warms
                    rounds[form.name].append(figures)
        for form in FORMS:
            per_s, cpu_ms = (statistics.median(some) for some in zip(*rounds[form.name], strict=True))
            tell(_line(form, per_s, cpu_ms, *_looked_at(peer, corpus, form)))


def _round(peer: Peer, asking: Iterator[bytes]) -> tuple[float, float]:
    before = peer.cpu_s()
    done = load(peer.http_port, asking, CONNECTIONS, 60.0, _ROUND, keep=_ROUND)
    return done.per_s, (peer.cpu_s() - before) / len(done.fetched) * 1000


def _requests(peer: Peer, corpus: Corpus, form: Form) -> Iterator[bytes]:
    for path in _paths(corpus, form):
        yield get(path, peer.http_port, "*/*")


def _paths(corpus: Corpus, form: Form) -> Iterator[str]:
    for number in range(100):
        for study in corpus.of("CT"):
            place = f"/dicom-web/studies/{study.study}/series/{study.series}/instances/{study.instances[number]}"
            yield f"{place}/frames/1/rendered?viewport=512,512&{form.query}"


def _looked_at(peer: Peer, corpus: Corpus, form: Form) -> tuple[float, float]:
    """Mean size, kB, and PSNR, dB."""
    sizes, errors = [], []
    with httpx.Client(base_url=f"http://127.0.0.1:{peer.http_port}", timeout=30) as client:
        lossless = list(_paths(corpus, form._replace(query="accept=image/png")))
        for path, whole in list(zip(_paths(corpus, form), lossless, strict=True))[:: CT // LOOKED_AT]:
            content = client.get(path).content
            sizes.append(len(content))
            errors.append(float(np.square(_grey(content) - _grey(client.get(whole).content)).mean()))
    return statistics.fmean(sizes) / 1000, 10 * float(np.log10(255**2 / statistics.fmean(errors)))


def _grey(content: bytes) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    return np.asarray(Image.open(BytesIO(content)).convert("L"), dtype=np.float64)


def _line(form: Form, per_s: float, cpu_ms: float, size_kb: float, psnr_db: float) -> str:
    said = f"{form.name:20} {cpu_ms:6.2f} ms CPU {per_s:7.0f}/s {size_kb:7.1f} kB {psnr_db:6.1f} dB"
    if not form.is_chosen:
        return said
    verdicts = (cpu_ms <= MOST_CPU_MS, per_s >= LEAST_PER_S)
    met = ["met" if one else "MISSED" for one in verdicts]
    return f"{said}   <= {MOST_CPU_MS:.0f} ms {met[0]}, >= {LEAST_PER_S:.0f}/s {met[1]}"
