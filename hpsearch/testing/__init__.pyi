from .launchers import ALL_LAUNCHER_CHECKS as ALL_LAUNCHER_CHECKS
from .launchers import Tryout as Tryout
from .launchers import try_out as try_out
from .trainers import ALL_TRAINER_CHECKS as ALL_TRAINER_CHECKS
from .trainers import check_trainer as check_trainer
