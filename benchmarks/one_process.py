"""One process that trains the trials of a job, from Python's start to its end.

    python benchmarks/one_process.py JOB

JOB is the JSON of a `hpsearch.worker.Job`, as the launchers send it.
"""

import json
import sys

from hpsearch.worker import Job, work

work(Job.from_record(json.loads(sys.argv[1])))
