"""A search that keeps both cores busy, alone and while its dashboard is asked without a pause."""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from serving import free_port, serving

BUSY_STUDY = """
study: busy
trainer: busy.py:train
objective: {minimize: loss}
search: {rounds: 4, trials: 14, surrogate: none}
budget: {steps: 20}
confirm: {top: 0}
resources: {parallel: 2, device: cpu}
space: {x: {uniform: [0, 1]}}
"""
BUSY_TRAINER = """
def train(run):
    for step in range(1, run.budget + 1):
        total = sum(i * i for i in range(700_000))
        run.report(step, loss=(run.hp.x - 0.3) ** 2 + 0 * total)
"""
REQUESTS = 10_000

FLOOD = """
import http.client, os, sys
os.nice(19)
port, requests = int(sys.argv[1]), int(sys.argv[2])
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
paths = ["/", "/data/studies", "/data/study/busy", "/data/study/busy/trial/0", "/study/busy"]
for i in range(requests):
    connection.request("GET", paths[i % len(paths)])
    connection.getresponse().read()
print("done")
"""


def time_search(folder: Path, flooded: bool) -> tuple[float, float]:
    """Seconds of a search, and of the flood during it."""
    shutil.rmtree(folder / "runs", ignore_errors=True)
    port = free_port()
    runs = folder / "runs"
    runs.mkdir()
    with serving(["hpsearch", "dashboard", str(runs), "--port", str(port)], port):
        command = [sys.executable, "-m", "hpsearch", "run", str(folder / "busy.yaml")]
        began = time.perf_counter()
        search = subprocess.Popen([*command, "--runs", str(runs), "--quiet"])
        flood = None
        while not (runs / "busy" / "trials" / "00001" / "reports.jsonl").exists():
            time.sleep(0.01)
        if flooded:
            flood = subprocess.Popen(
                [sys.executable, "-c", FLOOD, str(port), str(REQUESTS)], stdout=subprocess.DEVNULL
            )
        flood_began = time.perf_counter()
        assert search.wait() == 0
        spent = time.perf_counter() - began
        if flood is not None:
            assert flood.wait() == 0
        return spent, time.perf_counter() - flood_began


def measure_flood(repeats: int) -> dict[str, object]:
    alone, flooded, floods = [], [], []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "busy.yaml").write_text(BUSY_STUDY)
        (folder / "busy.py").write_text(BUSY_TRAINER)
        for _ in range(repeats):
            alone.append(time_search(folder, flooded=False)[0])
            spent, flood = time_search(folder, flooded=True)
            flooded.append(spent)
            floods.append(flood)
            print(f"alone {alone[-1]:.1f} s, asked {spent:.1f} s ({flood:.1f})", file=sys.stderr)
    ratios = sorted(b / a for a, b in zip(alone, flooded, strict=True))
    return {
        "search alone s": round(statistics.median(alone), 1),
        f"with {REQUESTS:,} requests s": round(statistics.median(flooded), 1),
        "ratio": round(statistics.median(ratios), 3),
        "range": f"{ratios[0]:.3f} to {ratios[-1]:.3f}",
        "requests answered within s": round(statistics.median(floods), 1),
    }
