#!/usr/bin/env bash
# lazy_loader 0.6, attach_stub: an alias in the stub is dropped without a word.
#
# `from .shapes import square as box` in `__init__.pyi` means, to every type checker, that the package
# has `box` and not `square`. attach_stub reads the name before `as` only: the package then has
# `square`, which no type checker knows, and `box` raises AttributeError.
# Guess before running: the alias works, or the stub is refused as a star import is.
# Seen: square True, box False, and __all__ is ['square'].
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install --quiet --disable-pip-version-check lazy_loader==0.6
mkdir "$work/area"
cat > "$work/area/__init__.py" <<'PY'
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
PY
echo 'from .shapes import square as box' > "$work/area/__init__.pyi"
echo 'def square(x): return x * x' > "$work/area/shapes.py"
cd "$work"
seen=$("$work/env/bin/python" -c '
import area
print("square", hasattr(area, "square"), "box", hasattr(area, "box"), area.__all__)')
echo "lazy_loader 0.6: $seen"
[ "$seen" = "square True box False ['square']" ]
