"""`python -m sagittal` is the `sagittal` command."""

from sagittal.cli import main

main()
