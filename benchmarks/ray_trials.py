"""Trials under Ray Tune, all at once, each in the plain loop of `plain.py`.

    python benchmarks/ray_trials.py WORKLOAD BATCH STEPS TRIALS

It prints the seconds that `Tuner.fit` took, which leaves out Ray's own start.
"""

import sys
import tempfile
import time
from pathlib import Path

import ray
from ray import tune

HERE = Path(__file__).resolve().parent


def train(config: dict[str, int | str]) -> None:
    sys.path.insert(0, str(HERE))
    import torch
    from plain import Plain
    from workloads import WORKLOADS

    torch.set_num_threads(1)
    training = Plain(
        WORKLOADS[str(config["workload"])], int(config["batch"]), "cpu", int(config["trial"])
    )
    training.advance(int(config["steps"]))
    tune.report({"loss": training.judged()})


def main() -> None:
    workload, batch, steps, trials = sys.argv[1], *map(int, sys.argv[2:])
    with tempfile.TemporaryDirectory() as folder:
        # As many trials at once as there are "cores"; the operating system knows the one there is.
        ray.init(
            num_cpus=trials,
            include_dashboard=False,
            object_store_memory=100 * 2**20,
            log_to_driver=False,
            _temp_dir=folder,
        )
        space = {"workload": workload, "batch": batch, "steps": steps}
        began = time.perf_counter()
        tuner = tune.Tuner(
            train,
            param_space={**space, "trial": tune.grid_search(list(range(trials)))},
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        results = tuner.fit()
        spent = time.perf_counter() - began
        if results.errors or len(results) != trials:
            sys.exit(f"{len(results.errors)} of {len(results)} trials failed: {results.errors[:1]}")
        ray.shutdown()
    print(spent)


if __name__ == "__main__":
    main()
