"""Names for the arrays that a program is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = np.ndarray[Any, np.dtype[np.int64]]
