"""How long each frame is shown (PS3.3 Sections C.7.6.5 and C.7.6.6)."""

from sagittal.dicom.json_model import JsonDataset
from sagittal.imaging.render.attributes import number, numbers

DEFAULT_FRAME_MS = 100.0
_LONGEST_FRAME_MS = 10_000.0


def frame_times(dataset: JsonDataset, count: int) -> tuple[float, ...]:
    """Of each of the first `count` frames, ms.

    From Recommended Display Frame Rate (0008,2144), Frame Time (0018,1063), Frame Time Vector (0018,1065), Cine Rate
    (0018,0040) in this order; ten frames a second where nothing is said.

    >>> frame_times({"00181063": {"vr": "DS", "Value": [40]}}, 2)
    (40.0, 40.0)
    """
    rate = number(dataset, "00082144", 0.0)
    if rate <= 0:
        each = number(dataset, "00181063", 0.0)
        if each > 0:
            return (min(each, _LONGEST_FRAME_MS),) * count
        steps = numbers(dataset, "00181065")[1 : count + 1]  # the first is the time before the first frame
        if steps and all(step > 0 for step in steps):
            times = (*steps, *[steps[-1]] * (count - len(steps)))
            return tuple(min(time, _LONGEST_FRAME_MS) for time in times)
        rate = number(dataset, "00180040", 0.0)
    each = 1000.0 / rate if rate > 0 else DEFAULT_FRAME_MS
    return (min(each, _LONGEST_FRAME_MS),) * count
