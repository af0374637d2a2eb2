"""The array types that signatures speak of."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Float: TypeAlias = NDArray[np.float64]
Int: TypeAlias = NDArray[np.int64]
Bool: TypeAlias = NDArray[np.bool_]
Seed: TypeAlias = int | np.random.SeedSequence | np.random.Generator | None
