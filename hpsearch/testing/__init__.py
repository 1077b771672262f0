"""What every launcher and every trainer must do, as checks for the tests of one's own."""

import os

# The checks compare bits, so MKL must be in the mode in which a search's trials start.
os.environ.setdefault("MKL_CBWR", "AUTO")

from hpsearch.testing.launchers import ALL_LAUNCHER_CHECKS, Tryout, try_out
from hpsearch.testing.trainers import ALL_TRAINER_CHECKS, check_trainer

__all__ = ["ALL_LAUNCHER_CHECKS", "ALL_TRAINER_CHECKS", "Tryout", "check_trainer", "try_out"]
