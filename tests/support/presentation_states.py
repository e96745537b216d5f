"""Presentation states made up for tests, written by pydicom, not by the code under test."""

from collections.abc import Sequence

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

GRAYSCALE, COLOUR, PSEUDO_COLOUR, BLENDING = (f"1.2.840.10008.5.1.4.1.1.11.{number}" for number in (1, 2, 3, 4))


def reference(image: Dataset, frames: Sequence[int] = ()) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = image.SOPClassUID
    item.ReferencedSOPInstanceUID = image.SOPInstanceUID
    if frames:
        item.ReferencedFrameNumber = list(frames)
    return item


def displayed_area(
    first: tuple[int, int], last: tuple[int, int], mode: str = "SCALE TO FIT", **more: object
) -> Dataset:
    item = Dataset()
    item.DisplayedAreaTopLeftHandCorner = list(first)
    item.DisplayedAreaBottomRightHandCorner = list(last)
    item.PresentationSizeMode = mode
    if "PresentationPixelSpacing" not in more:
        item.PresentationPixelAspectRatio = [1, 1]
    for name, value in more.items():
        setattr(item, name, value)
    return item


def state(
    images: Sequence[Dataset],
    *,
    sop_class: str = GRAYSCALE,
    frames: Sequence[int] = (),
    shape: str = "IDENTITY",
    area: Dataset | None = None,
    uid: str = "",
    series: str = "",
    more: Dataset | None = None,
) -> Dataset:
    """A state of these images, which are of one series."""
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SOPClassUID, made.SOPInstanceUID = sop_class, uid or generate_uid()
    made.Modality = "PR"
    made.PatientName, made.PatientID = images[0].get("PatientName", ""), images[0].get("PatientID", "")
    made.PatientBirthDate = made.PatientSex = ""
    made.StudyInstanceUID = images[0].StudyInstanceUID
    made.StudyDate = made.StudyTime = made.AccessionNumber = made.ReferringPhysicianName = made.StudyID = ""
    made.SeriesInstanceUID = series or generate_uid()
    made.SeriesNumber = made.InstanceNumber = 1
    made.Manufacturer = ""
    made.ContentLabel, made.ContentDescription, made.ContentCreatorName = "TEST", "", ""
    made.PresentationCreationDate, made.PresentationCreationTime = "20200101", "120000"
    referenced = Dataset()
    referenced.SeriesInstanceUID = images[0].SeriesInstanceUID
    referenced.ReferencedImageSequence = [reference(image, frames) for image in images]
    made.ReferencedSeriesSequence = [referenced]
    made.DisplayedAreaSelectionSequence = [area or displayed_area((1, 1), (images[0].Columns, images[0].Rows))]
    if sop_class == GRAYSCALE:
        made.PresentationLUTShape = shape
    if more is not None:
        made.update(more)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    return made


def window(center: float, width: float, function: str = "") -> Dataset:
    """An item of the Softcopy VOI LUT Sequence."""
    item = Dataset()
    item.WindowCenter, item.WindowWidth = center, width
    if function:
        item.VOILUTFunction = function
    return item


def table(values: Sequence[int], first: int = 0, bits: int = 8) -> Dataset:
    """An item of a LUT sequence."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US" if first >= 0 else "SS", [len(values), first, bits])
    item.add_new("LUTData", "US", list(values))
    return item


def layer(name: str, order: int = 1, **more: object) -> Dataset:
    item = Dataset()
    item.GraphicLayer, item.GraphicLayerOrder = name, order
    for keyword, value in more.items():
        setattr(item, keyword, value)
    return item


def graphic(kind: str, data: Sequence[float], units: str = "PIXEL", *, filled: bool = False, **more: object) -> Dataset:
    item = Dataset()
    item.GraphicAnnotationUnits, item.GraphicDimensions = units, 2
    item.NumberOfGraphicPoints, item.GraphicData = len(data) // 2, list(data)
    item.GraphicType, item.GraphicFilled = kind, "Y" if filled else "N"
    for keyword, value in more.items():
        setattr(item, keyword, value)
    return item


def annotation(name: str, graphics: Sequence[Dataset] = (), texts: Sequence[Dataset] = ()) -> Dataset:
    item = Dataset()
    item.GraphicLayer = name
    if graphics:
        item.GraphicObjectSequence = list(graphics)
    if texts:
        item.TextObjectSequence = list(texts)
    return item
