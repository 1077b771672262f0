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
    """These modules of hpsearch and the modules of hpsearch that they import, sorted.

    Modules that do not exist are left out.
    """
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = _path(name)
        if name in found or path is None:
            continue
        found.add(name)
        if path.name == "__init__.py":
            waiting += sorted(set(_face(path).values()))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hpsearch."):
                waiting += _imported(node)
            elif isinstance(node, ast.Import):
                waiting += [a.name for a in node.names if a.name.startswith("hpsearch.")]
    return tuple(sorted(found))


def _imported(node: ast.ImportFrom) -> list[str]:
    """The modules that an import brings in: a face brings only those of the names asked for."""
    module = node.module or ""
    path = _path(module)
    face = _face(path) if path is not None else {}
    return [
        face.get(a.name, f"{module}.{a.name}" if _path(f"{module}.{a.name}") else module)
        for a in node.names
    ]


@cache
def _face(path: Path) -> dict[str, str]:
    """The module of each name on a lazy face, from its stub; empty where there is none."""
    stub = path.with_suffix(".pyi")
    if path.name != "__init__.py" or not stub.exists():
        return {}
    room = f"hpsearch.{path.parent.name}"
    return {
        alias.name: f"{room}.{node.module}" if node.module else f"{room}.{alias.name}"
        for node in ast.parse(stub.read_text()).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


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
