"""Types of arrays; docstrings say their shapes."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]  # logits, hidden states, vectors of texts
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
