from .tightening import TighteningSampler as TighteningSampler
