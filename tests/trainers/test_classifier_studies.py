"""The classifier's studies: each one's trials are built and take a step, on data of its shape."""

from pathlib import Path

import pytest
import torch

import classifier
from classifier import Classifier
from data import Dataset, dataset
from hpsearch import study
from hpsearch.fusion.probe import why_not
from hpsearch.groups import shape_of

STUDIES = Path(__file__).parents[2] / "studies"
