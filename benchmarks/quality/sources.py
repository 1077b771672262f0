"""What code a result comes from, and other values of its constants for a while."""

import ast
import hashlib
import importlib
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any


@cache
def reachable(*modules: str) -> tuple[str, ...]:
    """These modules of hpsearch, where they exist, and what of hpsearch they import, sorted."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = _path(name)
        if name in found or path is None:
            continue
        found.add(name)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hpsearch"):
                waiting += [node.module or "", *(f"{node.module}.{a.name}" for a in node.names)]
            elif isinstance(node, ast.Import):
                waiting += [a.name for a in node.names if a.name.startswith("hpsearch")]
        # The package itself names all that it exports, which is no part of a module's work.
        waiting = [name for name in waiting if name != "hpsearch"]
    return tuple(sorted(found))


@cache
def _hash_of(name: str) -> str:
    path = _path(name)
    assert path is not None, name
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if documented and ast.get_docstring(node):
            del node.body[0]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def code_hash(modules: Sequence[str]) -> str:
    """Eight hex digits of what the modules do; comments, docstrings and layout do not matter."""
    parts = [f"{name} {_hash_of(name)}" for name in modules]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


@contextmanager
def constants(values: Mapping[str, Any], modules: Sequence[str]) -> Iterator[None]:
    """Inside the block, the modules' constants have other values.

    Args:
        values: by NAME, in every module that has it, or by module.NAME, in that one alone.
        modules: full names.

    Raises:
        ValueError: no module has a constant of that name.
    """
    before: list[tuple[Any, str, Any]] = []
    try:
        for key, value in values.items():
            where, _, name = key.rpartition(".")
            having = [
                module
                for module in map(importlib.import_module, modules)
                if name in vars(module) and where in ("", module.__name__.rpartition(".")[2])
            ]
            if not having:
                raise ValueError(f"no constant {key} in {', '.join(modules)}")
            for module in having:
                before.append((module, name, vars(module)[name]))
                setattr(module, name, value)
        yield
    finally:
        for module, name, value in reversed(before):
            setattr(module, name, value)


@cache
def _path(name: str) -> Path | None:
    """The file of a module, without importing it or running what is in it."""
    root, _, rest = name.partition(".")
    if root == "quality":
        folder = Path(__file__).parent
    else:
        found = importlib.util.find_spec(root)
        if found is None or found.origin is None:
            return None
        folder = Path(found.origin).parent
    path = folder.joinpath(*rest.split(".")) if rest else folder
    path = path / "__init__.py" if path.is_dir() else path.with_name(f"{path.name}.py")
    return path if path.is_file() else None
