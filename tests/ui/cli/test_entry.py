"""What the command line imports before it knows what it is asked for."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "optuna", "pydantic", "scipy", "plotly", "pandas", "numpy", "sqlalchemy", "yaml")


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_a_question_about_the_command_imports_nothing_heavy(option: str) -> None:
    code = (
        f"import atexit, sys; sys.argv[1:] = [{option!r}]; "
        f"atexit.register(lambda: print('imported:', sorted({{*{HEAVY!r}}} & {{*sys.modules}}))); "
        "from hpsearch.ui import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported: []"


def test_the_version_is_answered_without_the_command_line() -> None:
    code = "import sys; sys.argv[1:] = ['--version']; from hpsearch.ui import main; main(); "
    code += "print({'typer', 'rich'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    version, imported = done.stdout.splitlines()
    assert version.startswith("hpsearch ") and imported == "set()"
