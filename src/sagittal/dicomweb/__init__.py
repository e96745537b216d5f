"""DICOMweb (PS3.18): studies in, answers and objects out, over HTTP."""
