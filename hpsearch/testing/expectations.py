"""The failure of a check."""


def expect(condition: bool, message: str) -> None:
    """Like `assert`, also under `python -O`."""
    if not condition:
        raise AssertionError(message)
