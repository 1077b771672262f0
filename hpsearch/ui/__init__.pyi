from . import plots as plots
from .cli.entry import main as main
from .python import open as open
from .python import search as search
