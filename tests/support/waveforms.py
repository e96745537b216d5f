"""Electrocardiograms of known size: made by pydicom and numpy (PS3.3 Section A.34)."""

from copy import deepcopy

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from support import phantom

TWELVE_LEAD = "1.2.840.10008.5.1.4.1.1.9.1.1"
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
RATE_HZ, SECONDS = 250, 30
OFFSET_MV = -0.5


def electrocardiogram(common: Dataset) -> Dataset:
    """Twelve leads of 30 s, each of pulses of 1 mV for 0.5 s every second, but lead V6, which is flat.

    Stored in steps of 1.25 uV, by a sensitivity of 2.5 uV that is to be halved, from 0.5 mV below.
    """
    one = phantom.of(common, TWELVE_LEAD, "ECG", 1, "Resting ECG")
    seconds = np.arange(RATE_HZ * SECONDS) / RATE_HZ
    pulses = np.where(seconds % 1 < 0.5, 1.0, 0.0)
    millivolts = np.stack([pulses * (name != "V6") for name in LEADS], axis=1)
    group = Dataset()
    group.WaveformOriginality, group.MultiplexGroupLabel = "ORIGINAL", "RHYTHM"
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = len(LEADS), len(seconds)
    group.SamplingFrequency = RATE_HZ
    group.ChannelDefinitionSequence = Items([_channel(name) for name in LEADS])
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.add_new(0x54001010, "OW", np.rint((millivolts - OFFSET_MV) / 0.00125).astype("<i2").tobytes())
    median = deepcopy(group)
    median.MultiplexGroupLabel, median.NumberOfWaveformSamples = "MEDIAN BEAT", 250
    median.add_new(0x54001010, "OW", bytes(group.WaveformData[: 250 * 24]))
    one.WaveformSequence = Items([group, median])
    note = Dataset()
    note.ReferencedWaveformChannels, note.UnformattedTextValue = [1, 0], "Normal sinus rhythm"
    one.WaveformAnnotationSequence = Items([note])
    one.AcquisitionDateTime, one.ContentDate, one.ContentTime = "20260115101500", "20260115", "101500"
    return one


def _channel(name: str) -> Dataset:
    channel = Dataset()
    channel.ChannelSourceSequence = phantom.code(f"lead-{name}", "99TEST", f"Lead {name}")
    channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor = 2.5, 0.5
    channel.ChannelBaseline = OFFSET_MV * 1000
    channel.ChannelSensitivityUnitsSequence = phantom.code("uV", "UCUM", "microvolt")
    channel.WaveformBitsStored = 16
    return channel
