"""Data and GANs whose best possible result is known."""
