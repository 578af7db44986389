"""Training, apart from the service. Waiting OpenMP threads sleep, so that a fit leaves the machine to the market.

The runtime reads this once, when XGBoost is first imported: it has to be said before that.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
