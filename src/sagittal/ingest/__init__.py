"""How instances come in: limits and identity are checked while the bytes go by; the archive makes them durable."""

from sagittal.ingest.part10 import Part10Receiver
from sagittal.ingest.receive import NotAnInstance, NotWelcome, Receiver, begin, check_sender

__all__ = ["NotAnInstance", "NotWelcome", "Part10Receiver", "Receiver", "begin", "check_sender"]
