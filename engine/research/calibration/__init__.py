"""Fair probabilities corrected by what came true.

``outcomes`` reads what was said and what happened, ``maps`` are the corrections, ``folds`` and ``choose`` pick one
without a look ahead, ``metrics`` say how good it is, ``file`` is what is written and what signals load:
``load_calibration(path).apply(p)``.
"""

from engine.research.calibration.errors import CalibrationError
from engine.research.calibration.file import Calibration, load_calibration

__all__ = ["Calibration", "CalibrationError", "load_calibration"]
