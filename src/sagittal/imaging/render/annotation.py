"""Text on pictures: who is seen and how it was taken (PS3.18 Section 8.3.5.1.1)."""

from collections.abc import Iterable
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from sagittal.dicom.json_model import JsonDataset
from sagittal.imaging.render.attributes import numbers, text
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


def annotate(image: Image.Image, dataset: JsonDataset, keywords: Iterable[str]) -> Image.Image:
    """The picture with the patient's data in its upper left, the technique in its lower left corner.

    The letters are those of the font that Pillow ships, Latin; what it has no letters for is drawn as boxes.
    """
    wanted = tuple(keywords)
    patient = patient_lines(dataset) if PATIENT in wanted else ()
    technique = technique_lines(dataset) if TECHNIQUE in wanted else ()
    if not patient and not technique:
        return image
    marked = image.copy()
    size = max(9, min(32, marked.height // 28))
    draw = ImageDraw.Draw(marked)
    font = _font(size)
    style = {"font": font, "fill": "white", "stroke_width": max(1, size // 12), "stroke_fill": "black", "spacing": 1}
    # ImageDraw's keyword arguments differ in type, which a mapping of them cannot say.
    draw.multiline_text((_MARGIN, _MARGIN), "\n".join(patient), **style)  # type: ignore[arg-type]
    at = (_MARGIN, marked.height - _MARGIN)
    draw.multiline_text(at, "\n".join(technique), anchor="ld", **style)  # type: ignore[arg-type]
    return marked


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


@lru_cache(maxsize=32)  # of 24 sizes; to open one takes 1 ms
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
