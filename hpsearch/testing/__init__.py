"""What every launcher and every trainer must do, as checks for the tests of one's own."""

from hpsearch.testing.launchers import ALL_LAUNCHER_CHECKS, Tryout, try_out
from hpsearch.testing.trainers import ALL_TRAINER_CHECKS, check_trainer

__all__ = ["ALL_LAUNCHER_CHECKS", "ALL_TRAINER_CHECKS", "Tryout", "check_trainer", "try_out"]
