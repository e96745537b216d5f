"""A storage server of a few lines on pynetdicom: `pynetdicom_server.py PORT FOLDER`."""

import sys
from pathlib import Path

from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage, MRImageStorage


def main() -> None:
    folder = Path(sys.argv[2])

    def store(event: evt.Event) -> int:
        uid = event.request.AffectedSOPInstanceUID
        (folder / f"{uid}.dcm").write_bytes(event.encoded_dataset())
        return 0x0000

    entity = AE()
    entity.maximum_pdu_size = 131_072
    entity.maximum_associations = 100
    for sop_class in (CTImageStorage, MRImageStorage):
        entity.add_supported_context(sop_class)
    entity.start_server(("127.0.0.1", int(sys.argv[1])), evt_handlers=[(evt.EVT_C_STORE, store)])


main()
