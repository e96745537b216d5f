"""A CT phantom of known sizes with the objects that viewers lay over it, and a document: made by pydicom and numpy.

The body is a cylinder; a ball of bone lies to the patient's left and towards the head, a bar of bone 60 mm long at the
back. Pixels are not square, so that a viewer that takes rows for columns shows an ellipse and measures wrongly.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

ROWS, COLUMNS, SLICES = 128, 160, 24
ROW_MM, COLUMN_MM, SLICE_MM = 1.0, 0.8, 2.0
BAR_MM = 60.0
AIR, WATER, BONE = -1000, 40, 1000
RED, GREEN = [34891, 53480, 50166], [57494, 10748, 54273]  # CIELab as PS3.3 Section C.10.7.1.1 scales it

CT = "1.2.840.10008.5.1.4.1.1.2"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
STRUCTURES = "1.2.840.10008.5.1.4.1.1.481.3"
MAMMOGRAM = "1.2.840.10008.5.1.4.1.1.1.2"
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"


class Coordinates(NamedTuple):
    """Of each voxel, in mm: to the patient's left, to the back, to the head."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]


def coordinates() -> Coordinates:
    z, y, x = np.mgrid[:SLICES, :ROWS, :COLUMNS]
    return Coordinates((x + 0.5) * COLUMN_MM - 64, (y + 0.5) * ROW_MM - 64, z * SLICE_MM)


def ball(at: Coordinates) -> NDArray[np.bool_]:
    return (at.x - 30) ** 2 + (at.y + 10) ** 2 + (at.z - 34) ** 2 < 10**2


def bar(at: Coordinates) -> NDArray[np.bool_]:
    return (abs(at.x) < BAR_MM / 2) & (abs(at.y - 30) < 3)


def voxels() -> NDArray[np.int16]:
    """In Hounsfield units, shape (slices, rows, columns)."""
    at = coordinates()
    body = at.x**2 + at.y**2 < 56**2
    return np.where(ball(at) | bar(at), BONE, np.where(body, WATER, AIR)).astype("<i2")


def study(patient_id: str, name: str, description: str, date: str = "20260115") -> Dataset:
    """What all instances of one study say."""
    common = Dataset()
    common.SpecificCharacterSet = "ISO_IR 192"
    common.PatientID, common.PatientName = patient_id, name
    common.PatientBirthDate, common.PatientSex = "19700102", "F"
    common.StudyInstanceUID = generate_uid()
    common.StudyDate, common.StudyTime = date, "101500"
    common.StudyID, common.StudyDescription = "1", description
    common.AccessionNumber = f"A-{patient_id}"
    common.ReferringPhysicianName = ""
    return common


def study_of(one: Dataset) -> Dataset:
    """What the instance says of its study."""
    common = study("", "", "")
    for element in common:
        common[element.tag] = one[element.tag]
    return common


def of(common: Dataset, sop_class_uid: str, modality: str, series: int, description: str) -> Dataset:
    """An instance of the study, in a series of its own."""
    one = Dataset()
    one.update(common)
    one.SOPClassUID, one.SOPInstanceUID = sop_class_uid, generate_uid()
    one.SeriesInstanceUID = generate_uid()
    one.Modality, one.SeriesNumber, one.SeriesDescription = modality, series, description
    one.SeriesDate, one.SeriesTime = common.StudyDate, common.StudyTime
    one.InstanceNumber = 1
    one.Manufacturer = "Sagittal tests"
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return one


def grey(one: Dataset, pixels: NDArray[np.uint16]) -> None:
    """Gives the instance its Image Pixel Module: unsigned, 12 bits."""
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.Rows, one.Columns = pixels.shape
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 12, 11, 0
    one.add_new(0x7FE00010, "OW", pixels.tobytes())


def bits(one: Dataset, masks: NDArray[np.bool_]) -> None:
    """Gives the instance frames of one bit a pixel; shape (frames, rows, columns)."""
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.NumberOfFrames, one.Rows, one.Columns = masks.shape
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 1, 1, 0, 0
    packed = np.packbits(masks, axis=None, bitorder="little").tobytes()
    one.add_new(0x7FE00010, "OW", packed + b"\0" * (len(packed) % 2))


def ct_series(common: Dataset, coarse: int = 1) -> list[Dataset]:
    """The slices, feet first; in each direction each `coarse`-th voxel only."""
    frame_of_reference, series = generate_uid(), generate_uid()
    slices = []
    for number, pixels in enumerate(voxels()[::coarse, ::coarse, ::coarse]):
        one = of(common, CT, "CT", 1, "Phantom 2.0 mm")
        one.SeriesInstanceUID, one.FrameOfReferenceUID = series, frame_of_reference
        one.InstanceNumber = number + 1
        one.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        one.PatientPosition = "HFS"
        one.ImagePositionPatient = [COLUMN_MM / 2 - 64, ROW_MM / 2 - 64, number * coarse * SLICE_MM]
        one.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        one.PixelSpacing = [ROW_MM * coarse, COLUMN_MM * coarse]
        one.SliceThickness, one.SliceLocation = SLICE_MM * coarse, number * coarse * SLICE_MM
        one.KVP = 120
        one.RescaleIntercept, one.RescaleSlope, one.RescaleType = -1024, 1, "HU"
        one.WindowCenter, one.WindowWidth = 50, 400
        grey(one, (pixels + 1024).astype("<u2"))
        slices.append(one)
    return slices


def code(value: str, scheme: str, meaning: str) -> Items:
    one = Dataset()
    one.CodeValue, one.CodingSchemeDesignator, one.CodeMeaning = value, scheme, meaning
    return Items([one])


def reference(one: Dataset) -> Dataset:
    """An item that names the instance."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = one.SOPClassUID, one.SOPInstanceUID
    return item


def segmentation(slices: Sequence[Dataset]) -> Dataset:
    """The ball and the bar as two binary segments (PS3.3 Section A.51), red and green."""
    first = slices[0]
    one = of(study_of(first), SEGMENTATION, "SEG", 2, "Ball and bar")
    one.FrameOfReferenceUID = first.FrameOfReferenceUID
    one.ImageType = ["DERIVED", "PRIMARY"]
    one.ContentLabel, one.ContentDescription, one.ContentCreatorName = "SEGMENTS", "Two segments", "Test"
    one.SegmentationType = "BINARY"
    one.LossyImageCompression = "00"
    series = Dataset()
    series.SeriesInstanceUID = first.SeriesInstanceUID
    series.ReferencedInstanceSequence = Items(map(reference, slices))
    one.ReferencedSeriesSequence = Items([series])
    one.SegmentSequence = Items([_segment(1, "Ball", RED), _segment(2, "Bar", GREEN)])
    one.DimensionOrganizationSequence = Items([Dataset()])
    one.DimensionOrganizationSequence[0].DimensionOrganizationUID = generate_uid()
    at = coordinates()
    frames, items = [], []
    for segment, mask in enumerate((ball(at), bar(at)), 1):
        for number in np.flatnonzero(mask.any(axis=(1, 2))):
            frames.append(mask[number])
            items.append(_frame_item(slices[int(number)], segment))
    one.SharedFunctionalGroupsSequence = Items([_shared(first)])
    one.PerFrameFunctionalGroupsSequence = Items(items)
    bits(one, np.stack(frames))
    return one


def _segment(number: int, label: str, lab: list[int]) -> Dataset:
    item = Dataset()
    item.SegmentNumber, item.SegmentLabel = number, label
    item.SegmentAlgorithmType = "MANUAL"
    item.RecommendedDisplayCIELabValue = lab
    item.SegmentedPropertyCategoryCodeSequence = code("123037004", "SCT", "Anatomical Structure")
    item.SegmentedPropertyTypeCodeSequence = code("272673000", "SCT", "Bone")
    return item


def _shared(first: Dataset) -> Dataset:
    item, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = first.ImageOrientationPatient
    measures.SliceThickness, measures.SpacingBetweenSlices = SLICE_MM, SLICE_MM
    measures.PixelSpacing = first.PixelSpacing
    item.PlaneOrientationSequence, item.PixelMeasuresSequence = Items([orientation]), Items([measures])
    return item


def _frame_item(source: Dataset, segment: int) -> Dataset:
    item, position, identified, derived, content = Dataset(), Dataset(), Dataset(), Dataset(), Dataset()
    position.ImagePositionPatient = source.ImagePositionPatient
    identified.ReferencedSegmentNumber = segment
    derived.SourceImageSequence = Items([reference(source)])
    derived.DerivationCodeSequence = code("113076", "DCM", "Segmentation")
    content.DimensionIndexValues = [segment, int(source.InstanceNumber)]
    item.PlanePositionSequence, item.SegmentIdentificationSequence = Items([position]), Items([identified])
    item.DerivationImageSequence, item.FrameContentSequence = Items([derived]), Items([content])
    return item


def structures(slices: Sequence[Dataset]) -> Dataset:
    """The ball as a region of interest: a circle in each slice (PS3.3 Section A.19)."""
    first = slices[0]
    one = of(study("", "", ""), STRUCTURES, "RTSTRUCT", 3, "Ball outlined")
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate"):
        setattr(one, keyword, first[keyword].value)
    one.StudyTime, one.StudyDescription, one.AccessionNumber = (
        first.StudyTime,
        first.StudyDescription,
        first.AccessionNumber,
    )
    one.StructureSetLabel, one.StructureSetDate, one.StructureSetTime = "BALL", "20260115", "101500"
    one.FrameOfReferenceUID = first.FrameOfReferenceUID
    one.ReferencedFrameOfReferenceSequence = Items([_referenced_frame(slices)])
    region, contours, observation = Dataset(), Dataset(), Dataset()
    region.ROINumber, region.ROIName = 1, "Ball outline"
    region.ReferencedFrameOfReferenceUID, region.ROIGenerationAlgorithm = first.FrameOfReferenceUID, "MANUAL"
    contours.ROIDisplayColor, contours.ReferencedROINumber = [255, 255, 0], 1
    contours.ContourSequence = Items([contour for one_slice in slices for contour in _circle(one_slice)])
    observation.ObservationNumber, observation.ReferencedROINumber = 1, 1
    observation.RTROIInterpretedType, observation.ROIInterpreter = "ORGAN", ""
    one.StructureSetROISequence, one.ROIContourSequence = Items([region]), Items([contours])
    one.RTROIObservationsSequence = Items([observation])
    return one


def _referenced_frame(slices: Sequence[Dataset]) -> Dataset:
    frame, in_study, series = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID = slices[0].SeriesInstanceUID
    series.ContourImageSequence = Items(map(reference, slices))
    in_study.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    in_study.ReferencedSOPInstanceUID = slices[0].StudyInstanceUID
    in_study.RTReferencedSeriesSequence = Items([series])
    frame.FrameOfReferenceUID = slices[0].FrameOfReferenceUID
    frame.RTReferencedStudySequence = Items([in_study])
    return frame


def _circle(one_slice: Dataset) -> list[Dataset]:
    z = float(one_slice.ImagePositionPatient[2])
    square = 10**2 - (z - 34) ** 2
    if square <= 0:
        return []
    turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    points = [(30 + np.cos(t) * square**0.5, -10 + np.sin(t) * square**0.5, z) for t in turns]
    contour = Dataset()
    contour.ContourImageSequence = Items([reference(one_slice)])
    contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", len(points)
    contour.ContourData = [f"{value:.3f}" for point in points for value in point]
    return [contour]


def mammograms(common: Dataset) -> list[Dataset]:
    """Four views; the chest wall of the right breast is at the right edge, as it comes from the device."""
    views = []
    y, x = np.mgrid[:256, :192]
    for number, (side, view) in enumerate((("R", "CC"), ("L", "CC"), ("R", "MLO"), ("L", "MLO")), 1):
        one = of(common, MAMMOGRAM, "MG", number, f"{side} {view}")
        from_wall = x if side == "L" else 191 - x
        inside = (from_wall / 150) ** 2 + ((y - (128 if view == "CC" else 150)) / 110) ** 2 < 1
        one.ImageLaterality, one.ViewPosition, one.Laterality = side, view, side
        one.PatientOrientation = ["P" if side == "R" else "A", ("L" if side == "R" else "R") if view == "CC" else "F"]
        one.ImagerPixelSpacing = [0.5, 0.5]
        one.PresentationIntentType = "FOR PRESENTATION"
        one.ImageType = ["ORIGINAL", "PRIMARY"]
        one.WindowCenter, one.WindowWidth = 500, 1000
        one.ViewCodeSequence = code(
            *{"CC": ("399162004", "SCT", "cranio-caudal"), "MLO": ("399368009", "SCT", "medio-lateral oblique")}[view]
        )
        grey(one, np.where(inside, 300 + 3 * from_wall, 0).astype("<u2"))
        views.append(one)
    return views


def document(common: Dataset, text: str) -> Dataset:
    """A report of one page (PS3.3 Section A.45.1)."""
    one = of(common, ENCAPSULATED_PDF, "DOC", 1, "Report")
    one.ConversionType, one.BurnedInAnnotation, one.DocumentTitle = "WSD", "YES", text
    one.ContentDate, one.ContentTime, one.AcquisitionDateTime = "20260115", "101500", ""
    one.MIMETypeOfEncapsulatedDocument = "application/pdf"
    pdf = _pdf(text)
    one.EncapsulatedDocument = pdf + b"\n" * (len(pdf) % 2)
    return one


def _pdf(text: str) -> bytes:
    drawn = f"1 0 0 rg 50 100 200 60 re f 0 g BT /F1 18 Tf 50 220 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    file, starts = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        starts.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    size = len(objects) + 1
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(file))
    return file + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + end
