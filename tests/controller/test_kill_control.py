"""The promise holds for what people ask: killed around their requests, a search ends the same."""

import os
import random
import subprocess
from pathlib import Path

import pytest
from searches import Search, until
from test_kill import STUDY, TRAINER, finished

from hpsearch.storage import view
from hpsearch.storage.requests import Requests

KILLS = 6
SEED = int(os.environ.get("HPSEARCH_KILL_SEED", "0"))
SHORT = STUDY.replace("rounds: 3, trials: 8", "rounds: 1, trials: 6")


def asked(folder: Path) -> Search:
    """A search that has been asked for much before it begins, so that nothing hangs on moments."""
    search = Search(folder, SHORT, TRAINER)
    search.run.path.mkdir(parents=True)
    requests = Requests(search.run)
    requests.request_rounds(4)
    requests.end(2)
    for number in (2, 9, 17):  # draws of two rounds, and one beside them
        requests.cancel(number)
    for number in (1, 4, 4, 8):
        requests.request_rerun(number)
    return search


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_six_kills_around_requests_change_no_trial(tmp_path):
    once, search = asked(tmp_path / "once"), asked(tmp_path / "often")
    search.is_fresh = True
    rng = random.Random(SEED)
    try:
        assert once.finish("--parallel", "5") == (0, "")
        found = view.read_snapshot(once.run.path)
        assert [record.round for record in found.result.rounds] == [0, 1, 2]
        stopped = [t for t in found.result.records if t.outcome and t.outcome.state == "fail"]
        assert [t.spec.number for t in stopped] == [2, 9, 17]
        again = [t.spec.parent for t in found.result.records if t.spec.role == "rerun"]
        assert again == [1, 4, 4, 8]
        for moment in sorted(rng.choices(range(len(found.result.records) - 3), k=KILLS)):
            controller = search.start()
            until(lambda m=moment: finished(search) >= m, f"{moment} trials have ended")
            until(lambda: search.run.holder() is not None, "it has begun")
            with pytest.raises(subprocess.TimeoutExpired):  # the search has not ended
                controller.wait(rng.uniform(0, 0.5))
            controller.kill()
            controller.wait()
        assert search.finish() == (0, "")
        assert search.digest() == once.digest()
        assert view.read_snapshot(search.run.path).state == "finished"
        search.wait_until_no_process_is_left()
    finally:
        once.kill()
        search.kill()
