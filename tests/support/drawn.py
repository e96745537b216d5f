"""What others draw over the phantom, as highdicom writes it: label maps, probabilities, reports with regions."""

from collections.abc import Sequence

import highdicom as hd
import numpy as np
from highdicom.color import CIELabColor
from highdicom.content import AlgorithmIdentificationSequence
from highdicom.seg import Segmentation, SegmentationTypeValues, SegmentDescription
from highdicom.sr import (
    Comprehensive3DSR,
    FindingSite,
    GraphicTypeValues,
    GraphicTypeValues3D,
    ImageRegion,
    ImageRegion3D,
    Measurement,
    MeasurementReport,
    ObservationContext,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    SourceImageForRegion,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from support import phantom

RED_LAB = CIELabColor(53.24, 80.09, 67.20)


def segments(slices: Sequence[Dataset], kind: str, *, name: str, encoding: str = "1.2.840.10008.1.2.1") -> Dataset:
    """The ball, and but for probabilities the bar; `kind` is BINARY, LABELMAP or FRACTIONAL."""
    at = phantom.coordinates()
    described = [_described(1, "Ball", RED_LAB), _described(2, "Bar", None)]
    if kind == "FRACTIONAL":
        away = np.sqrt((at.x - 30) ** 2 + (at.y + 10) ** 2 + (at.z - 34) ** 2)
        described, values = described[:1], np.clip(1.5 - away / 10, 0, 1).astype(np.float32)
    else:
        values = np.where(phantom.ball(at), 1, np.where(phantom.bar(at), 2, 0)).astype(np.uint8)
    made = Segmentation(
        list(slices),
        values,
        SegmentationTypeValues[kind],
        described,
        hd.UID(),
        20,
        hd.UID(),
        1,
        "Sagittal tests",
        "Model",
        "1",
        "1",
        transfer_syntax_uid=encoding,
        content_description=name,
        series_description=name,
    )
    made.SeriesDescription = name
    return made


def _described(number: int, label: str, colour: CIELabColor | None) -> SegmentDescription:
    algorithm = AlgorithmIdentificationSequence("Tests", codes.DCM.ArtificialIntelligence, "1")
    return SegmentDescription(
        number,
        label,
        codes.SCT.Tissue,
        codes.SCT.Bone,
        hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=algorithm,
        tracking_uid=hd.UID(),
        tracking_id=label,
        display_color=colour,
    )


def report(slices: Sequence[Dataset]) -> Dataset:
    """A freehand region in slice 17, and a triangle in the patient in the plane of slice 10."""
    source = slices[17]
    outline = np.array([[105.0, 40.0], [130.0, 44.0], [126.0, 68.0], [108.0, 66.0], [105.0, 40.0]])
    flat = ImageRegion(
        GraphicTypeValues.POLYLINE, outline, SourceImageForRegion(source.SOPClassUID, source.SOPInstanceUID)
    )
    z = float(slices[10].ImagePositionPatient[2])
    corners = np.array([[-20.0, -20.0, z], [20.0, -20.0, z], [0.0, 10.0, z], [-20.0, -20.0, z]])
    spatial = ImageRegion3D(GraphicTypeValues3D.POLYGON, corners, hd.UID(source.FrameOfReferenceUID))
    regions = [_region("Freehand", flat, 471.0), _region("Triangle", spatial, 600.0)]
    observer = PersonObserverIdentifyingAttributes("Reader^Rita")
    content = MeasurementReport(
        ObservationContext(ObserverContext(codes.DCM.Person, observer)),
        codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=regions,
    )
    return Comprehensive3DSR(
        [source, slices[10]], content[0], hd.UID(), 30, hd.UID(), 1, "Sagittal tests", series_description="Regions"
    )


def _region(
    name: str, region: ImageRegion | ImageRegion3D, area: float
) -> PlanarROIMeasurementsAndQualitativeEvaluations:
    return PlanarROIMeasurementsAndQualitativeEvaluations(
        TrackingIdentifier(hd.UID(), name),
        region,
        finding_type=codes.SCT.Mass,
        finding_sites=[FindingSite(codes.SCT.Head)],
        measurements=[Measurement(codes.SCT.Area, area, codes.UCUM.SquareMillimeter)],
    )
