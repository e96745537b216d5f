"""Sagittal: a medical image management and processing system."""
