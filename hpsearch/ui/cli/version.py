"""`hpsearch --version`."""


def print_version() -> None:
    from importlib.metadata import version  # a fifth of the time of `hpsearch --help`

    print(f"hpsearch {version('hpsearch')}")
