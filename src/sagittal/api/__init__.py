"""The door for what DICOM has no service for: JSON over HTTP, under `/api`."""
