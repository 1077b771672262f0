"""Run folders that older versions of the program wrote."""

import os
import tarfile
from pathlib import Path

import pytest
from forked import run

from hpsearch.storage import read_snapshot

# A study of 3 rounds that commit 98466f6 began and `kill -9` ended amid round 1. One rerun has
# finished, its role spelled "again"; the study file says `search: {judge: none}`.
KILLED = Path(__file__).with_name("data") / "killed_by_version_98466f6.tar.xz"
AS_KILLED = "98c25f7a701349ce7b5fb00dbdaa85a85be3d789d1ed9defa07f424feb7a4ae1"
FINISHED = "a55435f7064309c68118b29d16c98026a9d869807fd76115a4eb6bce40da40f2"  # by 98466f6 itself


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with tarfile.open(KILLED) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


def test_an_older_folder_opens_and_gives_its_digest(folder: Path) -> None:
    result = read_snapshot(folder / "runs" / "bowl").result
    assert result.digest == AS_KILLED
    assert [trial.spec.role for trial in result.records][5:8] == ["draw", "rerun", "continue"]


def test_an_older_search_that_was_killed_finishes_with_the_older_digest(folder: Path) -> None:
    study = folder / "bowl.yaml"
    refused = run(["run", str(study)], cwd=folder, env=dict(os.environ), timeout=120)
    assert (refused.returncode, refused.stderr) == (
        2,
        f"hpsearch: {study}:4:55  search.judge: is now called search.surrogate\n",
    )
    study.write_text(study.read_text().replace("judge:", "surrogate:"))
    resumed = run(["run", str(study)], cwd=folder, env=dict(os.environ), timeout=120)
    assert (resumed.returncode, resumed.stderr) == (0, "")
    assert read_snapshot(folder / "runs" / "bowl").result.digest == FINISHED
