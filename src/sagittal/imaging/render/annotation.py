"""Text on pictures: who is seen and how it was taken (PS3.18 Section 8.3.5.1.1)."""

from collections.abc import Iterable, Sequence

from PIL import Image, ImageDraw

from sagittal.dicom.json_model import JsonDataset
from sagittal.imaging.render.attributes import numbers, text
from sagittal.imaging.render.lettering import font_for
from sagittal.imaging.render.recipe import PATIENT, TECHNIQUE

_PATIENT_TAGS = ("00100010", "00100020", "00100030", "00100040", "00080020", "00080050")
_TECHNIQUE_TAGS = ("00080060", "00081030", "0008103E", "00180015", "00181030")
_TECHNIQUE_NUMBERS = (
    ("00180060", "kV"),
    ("00181151", "mA"),
    ("00180050", "mm"),
    ("00180080", "TR ms"),
    ("00180081", "TE ms"),
)
_MAX_LINE = 64
_MARGIN = 4
_LINE_HEIGHT = 1.2
_BASELINE = 0.8
"""Of a line's height, from its top: lines of several fonts stand on lines of one distance."""


def annotate(image: Image.Image, dataset: JsonDataset, keywords: Iterable[str]) -> Image.Image:
    """The picture with the patient's data in its upper left, the technique in its lower left corner.

    Letters that no font of the system has are drawn as boxes.
    """
    wanted = tuple(keywords)
    patient = patient_lines(dataset) if PATIENT in wanted else ()
    technique = technique_lines(dataset) if TECHNIQUE in wanted else ()
    if not patient and not technique:
        return image
    marked = image.copy()
    size = max(9, min(32, marked.height // 28))
    step = round(size * _LINE_HEIGHT)
    _write(marked, patient, _MARGIN, step, size)
    _write(marked, technique, marked.height - _MARGIN - step * len(technique), step, size)
    return marked


def _write(image: Image.Image, lines: Sequence[str], top: int, step: int, size: int) -> None:
    """Lines from `top` on, each in the font that has its letters, white with a dark edge."""
    draw = ImageDraw.Draw(image)
    edge = max(1, size // 12)
    for number, line in enumerate(lines):
        at = (_MARGIN, top + number * step + step * _BASELINE)
        font = font_for(line, size)
        draw.text(at, line, font=font, anchor="ls", fill="white", stroke_width=edge, stroke_fill="black")


def patient_lines(dataset: JsonDataset) -> tuple[str, ...]:
    """Name, ID, birth date, sex, study date and accession number, where they are."""
    return _lines(text(dataset, tag).replace("^", " ") for tag in _PATIENT_TAGS)


def technique_lines(dataset: JsonDataset) -> tuple[str, ...]:
    """Modality, descriptions, body part and protocol; then tube voltage and current, thickness, TR and TE."""
    said = [text(dataset, tag) for tag in _TECHNIQUE_TAGS]
    measured = [f"{numbers(dataset, tag)[0]:g} {unit}" for tag, unit in _TECHNIQUE_NUMBERS if numbers(dataset, tag)]
    return _lines([*said, ", ".join(measured)])


def _lines(texts: Iterable[str]) -> tuple[str, ...]:
    printable = ("".join(c for c in line if c.isprintable()).strip()[:_MAX_LINE] for line in texts)
    return tuple(line for line in printable if line)
