"""What goes wrong with outcomes and calibration files."""

from __future__ import annotations


class CalibrationError(Exception):
    """A file that cannot be used. The text names file, line or field, and the mend."""


class TooFewOutcomesError(CalibrationError):
    """What is known is too little to correct anything with; the answer is no."""
