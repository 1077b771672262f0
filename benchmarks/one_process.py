"""One process that trains the trials of a job, from Python's start to its end.

    python benchmarks/one_process.py JOB

JOB is the JSON of a `hpsearch.workers.worker.Job`, as the launchers send it.
"""

import json
import sys

from hpsearch.workers.worker import Job, run_job

run_job(Job.from_record(json.loads(sys.argv[1])))
