"""How many members a device has room for."""

import psutil
import torch

_SHARE = 0.5  # of what is free: other groups train beside this one, and allocators waste some
STATES = 5  # tensors of a parameter's size: itself, its gradient, an optimizer's, one in passing


class TooLargeError(Exception):
    """A group does not fit the device; in parts of `fits` members it does."""

    def __init__(self, fits: int) -> None:
        super().__init__(f"only {fits} members fit")
        self.fits = fits


def room(device: str) -> int:
    """Bytes that a group may take."""
    if device == "cpu":
        free = psutil.virtual_memory().available
    else:
        free = torch.cuda.mem_get_info(device)[0]
    return int(_SHARE * free)


def check(device: str, *, of_member: int, in_common: int, members: int) -> None:
    """See whether a group fits.

    Args:
        device: where it trains.
        of_member: bytes that each member takes, as its first step has shown.
        in_common: bytes that are taken once.
        members: of the group.

    Raises:
        TooLargeError: it does not, and has more than two members, which are the fewest.
    """
    fits = max(2, (room(device) - in_common) // max(of_member, 1))
    if members > fits:
        raise TooLargeError(fits)
