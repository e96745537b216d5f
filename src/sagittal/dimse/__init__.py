"""The DIMSE door: C-ECHO, C-STORE, C-FIND, C-MOVE and C-GET over DICOM associations, as SCP and as SCU."""
