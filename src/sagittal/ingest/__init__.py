"""How instances come in: limits and identity are checked while the bytes go by; the archive makes them durable."""

from sagittal.ingest.part10 import Part10Receiver
from sagittal.ingest.receive import NotAnInstance, Receiver, begin

__all__ = ["NotAnInstance", "Part10Receiver", "Receiver", "begin"]
