"""The DICOM upper layer (PS3.8): associations, without I/O."""
