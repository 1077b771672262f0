"""How many members fit into a device's memory."""

import psutil
import torch

_SHARE = 0.5  # of the free memory: other groups train beside this one, and allocators waste some


class TooLargeError(Exception):
    """A group does not fit the device; parts of `fits` members do."""

    def __init__(self, fits: int) -> None:
        super().__init__(f"only {fits} members fit")
        self.fits = fits


def available_bytes(device: str) -> int:
    if device == "cpu":
        free = psutil.virtual_memory().available
    else:
        free = torch.cuda.mem_get_info(device)[0]
    return int(_SHARE * free)


def check_fit(device: str, *, member_bytes: int, shared_bytes: int, members: int) -> None:
    """Raise a TooLargeError if a group does not fit and has more than two members, the minimum."""
    fits = max(2, (available_bytes(device) - shared_bytes) // max(member_bytes, 1))
    if members > fits:
        raise TooLargeError(fits)
