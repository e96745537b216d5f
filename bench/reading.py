"""The read side beside Orthanc: the same archive in both, both running, asked in turns.

What is done to be fair: both servers start empty, take in the same instances of `bench/archive_corpus.py` by STOW, and
are left in peace for a while. Orthanc runs with its defaults and full metadata of its DICOMweb plugin. Each part is
warmed up without being counted (but where the first time is what is asked for), then measured in short rounds that
alternate between the two; medians of the rounds are compared. One load generator (`http_load`, `dimse_load`) asks both,
over connections that stay open, with the same headers. Answers are looked at: status, length, and of some the content.

- `metadata, first`: each series is asked for once. Ours have had their quiet time, as those of any study that is not
  being sent just now; so had Orthanc's.
- `frames` are asked for as stored (`transfer-syntax=*`): nothing is decoded by either.
- `rendered`: every slice once, so that nothing kept helps.
- `thumbnail`: the same hundred again and again. Orthanc 1.10 has none: it makes rendered pictures of that size.
- `CPU` is that of the server for an answer, for a study with C-GET and C-MOVE.
- `RSS` is that of the process and all its children; pages they share are counted as often as they are shared.
"""

import gzip
import itertools
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from bench import peers
from bench.archive_corpus import Corpus, Study, make_archive
from bench.dimse_load import Destination, Retrieved, c_get, c_move
from bench.http_load import Load, get, load
from bench.peers import Peer

ROUNDS = 5
LOADERS = 4
QUIET_S = 15.0
"""What a series is left in peace before its metadata is asked for the first time."""
JSON = "application/dicom+json"
AS_STORED = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
FILES = 'multipart/related; type="application/dicom"; transfer-syntax=*'
GZIP = "Accept-Encoding: gzip"

Requests = Callable[[Peer, Corpus], Iterator[bytes]]


class Part(NamedTuple):
    """One line of the table over HTTP.

    Attributes:
        goal: how many times Orthanc's.
        by: what is compared: answers a second, bytes a second, or the median time of an answer.
        most: answers in a round, however fast they are.
        check: raises on a body that is not what was asked for.
        is_warmed: whether a round goes before those that count.
    """

    what: str
    goal: float
    by: str
    connections: int
    requests: Requests
    check: Callable[[bytes], None]
    most: int = 1_000_000
    is_warmed: bool = True


class Figure(NamedTuple):
    """What a server did in one part: medians of the rounds.

    Attributes:
        rate: answers or bytes a second.
        cpu_ms: of the server for each answer.
    """

    rate: float
    median_ms: float
    cpu_ms: float


class Line(NamedTuple):
    """A line of the table: the ratio is ours to Orthanc's, the larger the better."""

    what: str
    goal: float
    ratio: float
    unit: str
    ours: Figure
    theirs: Figure

    def __str__(self) -> str:
        verdict = "met" if self.ratio >= self.goal else "MISSED"
        shown = "  ".join(_shown(figure, self.unit) for figure in (self.ours, self.theirs))
        return f"{self.what:34} {self.ratio:7.2f}x  >= {self.goal:4.1f}x {verdict:6}  {shown}"


HEADING = f"{'':34} {'ratio':>8}  {'goal':>8} {'':6}  {'Sagittal':^36}  {'Orthanc':^36}"


def _shown(figure: Figure, unit: str) -> str:
    rate = f"{figure.rate / 1e6:7.0f} MB/s" if unit == "bytes" else f"{figure.rate:7.0f}/s   "
    return f"{rate} {figure.median_ms:8.2f} ms {figure.cpu_ms:7.2f} ms CPU"


def measure(root: Path, small: int, ct: int, tell: Callable[[str], None]) -> None:
    """Makes the corpus, loads both servers, and tells line after line."""
    corpus = make_archive(root / "corpus", small, ct)
    count = sum(len(study.instances) for study in corpus.studies)
    with ExitStack() as stack:
        destination = Destination()
        stack.callback(destination.close)
        ours = stack.enter_context(peers.sagittal(root / "sagittal", destination.port))
        theirs = stack.enter_context(peers.orthanc(root / "orthanc", destination.port))
        idle = (ours.rss_bytes(), theirs.rss_bytes())
        for peer in (ours, theirs):
            begun = time.perf_counter()
            fill(peer, corpus, root / "ways")
            tell(f"{peer.name} took in {count} instances in {time.perf_counter() - begun:.0f} s")
        time.sleep(QUIET_S)
        compare(ours, theirs, corpus, destination, tell)
        after = (ours.rss_bytes(), theirs.rss_bytes())
    tell(_memory("RSS idle", idle, 0))
    tell(_memory("RSS after all that", after, 2))


def _memory(what: str, sizes: tuple[int, int], goal: float) -> str:
    mine, other = sizes
    verdict = "" if not goal else f">= {goal:4.1f}x {'met' if other >= goal * mine else 'MISSED'}"
    return f"{what:34} {other / mine:7.2f}x  {verdict:15}  {mine / 1e6:7.0f} MB {'':26} {other / 1e6:7.0f} MB"


def compare(
    ours: Peer, theirs: Peer, corpus: Corpus, destination: Destination, tell: Callable[[str], None], *only: str
) -> None:
    """Every part (or those whose names begin as `only` says) against two running servers that hold the corpus."""
    tell(HEADING)
    for part in PARTS:
        if part.what.startswith(only or ""):
            tell(str(_compared(part, ours, theirs, corpus)))
    studies = itertools.cycle(study.study for study in corpus.of("CT"))
    dimse = {"C-GET": c_get, "C-MOVE": lambda peer, uid: c_move(peer, uid, destination)}
    for verb, retrieve in dimse.items():
        if verb.startswith(only or ""):
            tell(str(_dimse(verb, retrieve, ours, theirs, studies)))


def fill(peer: Peer, corpus: Corpus, ways: Path) -> None:
    """Has a server take in the corpus by STOW; `ways` is a folder to work in."""
    shutil.rmtree(ways, ignore_errors=True)
    for number, study in enumerate(corpus.studies):
        way = ways / str(number % LOADERS)
        way.mkdir(parents=True, exist_ok=True)
        for file in (corpus.folder / study.study).iterdir():
            (way / f"{number:06}-{file.name}").symlink_to(file.resolve())
    client = str(Path(__file__).with_name("stow_client.py"))
    command = [sys.executable, client, str(peer.stow_url), "10", *map(str, sorted(ways.iterdir()))]
    subprocess.run(command, input="go\n", text=True, stdout=subprocess.PIPE, check=True, timeout=900)


def _compared(part: Part, ours: Peer, theirs: Peer, corpus: Corpus) -> Line:
    asking = {peer.name: part.requests(peer, corpus) for peer in (ours, theirs)}
    loads: dict[str, list[tuple[Load, float]]] = {ours.name: [], theirs.name: []}
    for number in range(ROUNDS + part.is_warmed):
        for peer in (ours, theirs) if number % 2 else (theirs, ours):
            cpu_s = peer.cpu_s()
            done = load(peer.http_port, asking[peer.name], part.connections, 1.0, part.most, keep=97)
            cpu_s = peer.cpu_s() - cpu_s
            for one in done.fetched:
                if one.body is not None:
                    part.check(one.body)
            if number or not part.is_warmed:
                loads[peer.name].append((done, cpu_s))
    figures = [_figure(loads[peer.name], part.by) for peer in (ours, theirs)]
    return _line(part.what, part.goal, part.by, figures)


def _figure(loads: Sequence[tuple[Load, float]], by: str) -> Figure:
    count = sum(len(done.fetched) for done, _ in loads)
    return Figure(
        rate=statistics.median(
            statistics.median(one.body_bytes / one.seconds for one in done.fetched) if by == "bytes" else done.per_s
            for done, _ in loads
        ),
        median_ms=statistics.median(done.median_s for done, _ in loads) * 1000,
        cpu_ms=sum(cpu_s for _, cpu_s in loads) / count * 1000,
    )


def _line(what: str, goal: float, by: str, figures: Sequence[Figure]) -> Line:
    mine, other = figures
    ratio = other.median_ms / mine.median_ms if by == "latency" else mine.rate / other.rate
    return Line(what, goal, ratio, by, mine, other)


def _dimse(
    verb: str, retrieve: Callable[[Peer, str], Retrieved], ours: Peer, theirs: Peer, studies: Iterator[str]
) -> Line:
    done: dict[str, list[tuple[Retrieved, float]]] = {ours.name: [], theirs.name: []}
    for number in range(2 * ROUNDS + 1):
        study = next(studies)
        for peer in (ours, theirs) if number % 2 else (theirs, ours):
            cpu_s = peer.cpu_s()
            got = retrieve(peer, study)
            if got.instances != 100:
                raise ValueError(f"{verb} of 100 instances from {peer.name} brought {got.instances}")
            if number:
                done[peer.name].append((got, peer.cpu_s() - cpu_s))
    figures = [
        Figure(
            statistics.median(got.bytes_per_s for got, _ in some),
            statistics.median(got.seconds for got, _ in some) * 1000,
            statistics.fmean(cpu_s for _, cpu_s in some) * 1000,
        )
        for some in (done[ours.name], done[theirs.name])
    ]
    return _line(f"{verb} of a study of 100 CT", 1.0, "bytes", figures)


# -- what is asked -----------------------------------------------------------------------------------------------------


def _query(make: Callable[[Study], str]) -> Requests:
    """A search for one study after the other, in an order that is no order of the index."""

    def requests(peer: Peer, corpus: Corpus) -> Iterator[bytes]:
        studies = [corpus.studies[number * 7919 % len(corpus.studies)] for number in range(len(corpus.studies))]
        asked = [get(f"/dicom-web/{make(study)}", peer.http_port, JSON) for study in studies]
        return itertools.cycle(asked)

    return requests


def _month(study: Study) -> str:
    """The month of a study and the eleven after it."""
    year, rest = int(study.date[:4]), study.date[4:6]
    return f"studies?StudyDate={year}{rest}01-{year + 1}{rest}01&limit=25"


def _instances_of(studies: Callable[[Corpus], Sequence[Study]]) -> Requests:
    def requests(peer: Peer, corpus: Corpus) -> Iterator[bytes]:
        asked = (get(f"/dicom-web/studies/{one.study}/instances", peer.http_port, JSON) for one in studies(corpus))
        return itertools.cycle(list(asked))

    return requests


def _metadata(*extra: str, times: int) -> Requests:
    """The metadata of one CT series after the other, each `times` times."""

    def requests(peer: Peer, corpus: Corpus) -> Iterator[bytes]:
        for study in itertools.cycle(corpus.of("CT")):
            path = f"/dicom-web/studies/{study.study}/series/{study.series}/metadata"
            yield from [get(path, peer.http_port, JSON, *extra)] * times

    return requests


def _studies(peer: Peer, corpus: Corpus) -> Iterator[bytes]:
    asked = (get(f"/dicom-web/studies/{study.study}", peer.http_port, FILES) for study in corpus.of("CT"))
    return itertools.cycle(list(asked))


def _slices(tail: str, accept: str, most: int = 1_000_000) -> Requests:
    """Slice after slice of the CT, each of the first `most` once before the first comes again."""

    def requests(peer: Peer, corpus: Corpus) -> Iterator[bytes]:
        slices = [
            f"/dicom-web/studies/{study.study}/series/{study.series}/instances/{uid}{tail}"
            for number in range(100)
            for study in corpus.of("CT")
            for uid in study.instances[number : number + 1]
        ]
        asked = (get(path, peer.http_port, accept) for path in slices[:most])
        return itertools.cycle(list(asked))

    return requests


def _us_frames(peer: Peer, corpus: Corpus) -> Iterator[bytes]:
    (study,) = corpus.of("US")
    path = f"/dicom-web/studies/{study.study}/series/{study.series}/instances/{study.instances[0]}/frames"
    asked = (get(f"{path}/{number * 37 % 200 + 1}", peer.http_port, AS_STORED) for number in range(200))
    return itertools.cycle(list(asked))


def _thumbnails(peer: Peer, corpus: Corpus) -> Iterator[bytes]:
    is_known = peer.name == "sagittal"
    tail = "/thumbnail?viewport=128,128" if is_known else "/rendered?viewport=128,128"
    return _slices(tail, "image/jpeg", 100)(peer, corpus)


# -- what is answered --------------------------------------------------------------------------------------------------


def _answers(least: int, most: int) -> Callable[[bytes], None]:
    def check(body: bytes) -> None:
        found = json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
        if not least <= len(found) <= most or not all(len(one) > 5 for one in found):
            raise ValueError(f"{len(found)} answers where {least} to {most} were due")

    return check


def _holds(magic: bytes, least: int) -> Callable[[bytes], None]:
    def check(body: bytes) -> None:
        if magic not in body or len(body) < least:
            raise ValueError(f"an answer of {len(body)} bytes that is not what was asked for")

    return check


_JPEG = b"\xff\xd8\xff"

PARTS = (
    Part("QIDO by study UID", 1.5, "rate", 16, _query(lambda s: f"studies?StudyInstanceUID={s.study}"), _answers(1, 1)),
    Part("QIDO by Patient ID", 1.5, "rate", 16, _query(lambda s: f"studies?PatientID={s.patient_id}"), _answers(1, 1)),
    Part(
        "QIDO by name prefix",
        5,
        "rate",
        16,
        _query(lambda s: f"studies?PatientName={s.patient_name[:4]}*"),
        _answers(1, 200),
    ),
    Part("QIDO by date range, limit 25", 10, "rate", 16, _query(_month), _answers(1, 25)),
    Part("QIDO, 100 instances", 50, "rate", 16, _instances_of(lambda corpus: corpus.of("MR", 100)), _answers(100, 100)),
    Part("metadata of 100 CT, first", 20, "latency", 1, _metadata(times=1), _answers(100, 100), 2, is_warmed=False),
    Part("metadata of 100 CT, again", 5, "latency", 1, _metadata(times=50), _answers(100, 100), 50),
    Part("metadata again, gzip", 5, "latency", 1, _metadata(GZIP, times=50), _answers(100, 100), 50),
    Part("retrieve a study of 100 CT", 2, "bytes", 1, _studies, _holds(b"DICM", 50_000_000)),
    Part("CT frames", 5, "rate", 8, _slices("/frames/1", AS_STORED), _holds(b"application/octet-stream", 520_000)),
    Part("US frames", 5, "rate", 8, _us_frames, _holds(_JPEG, 3000)),
    Part("rendered, 512x512 JPEG", 2, "rate", 8, _slices("/rendered", "image/jpeg"), _holds(_JPEG, 3000), 200),
    Part("thumbnail, kept", 10, "rate", 8, _thumbnails, _holds(_JPEG, 1000)),
)
