"""Sets the libraries' threads and seeds their global generators, which trainers may use.

A library that the trainer imports later, inside `train`, is set up at its import: NumPy and torch
would otherwise start from the operating system's randomness, and no two runs would be the same.
"""

import random
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


def set_up_libraries(seed: int, *, threads: int, tf32: bool) -> None:
    """Set the number of threads, and seed `random`, NumPy and torch.

    Args:
        seed: of the global generators.
        threads: of torch's operations.
        tf32: whether CUDA may multiply in TensorFloat-32.
    """

    def set_up_numpy() -> None:
        sys.modules["numpy"].random.seed(seed)

    def set_up_torch() -> None:
        torch = sys.modules["torch"]
        torch.set_num_threads(threads)
        torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.backends.cudnn.allow_tf32 = tf32
        torch.manual_seed(seed)

    random.seed(seed)
    later = {}
    for name, set_up in (("numpy", set_up_numpy), ("torch", set_up_torch)):
        if name in sys.modules:
            set_up()
        else:
            later[name] = set_up
    if later:
        sys.meta_path.insert(0, _Finder(later))


class _Finder(MetaPathFinder):
    """Finds the modules of `actions` as Python does, and calls the action after the import."""

    def __init__(self, actions: dict[str, Callable[[], None]]) -> None:
        self._actions = actions

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self._actions:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._actions.pop(name))
        return spec


class _Loader(Loader):
    def __init__(self, loader: Loader, action: Callable[[], None]) -> None:
        self._loader = loader
        self._action = action

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        # Libraries read their own loader, for resources and for source lines of tracebacks.
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._action()
