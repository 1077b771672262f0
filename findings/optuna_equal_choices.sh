#!/usr/bin/env bash
# Optuna 5.0.0, suggest_categorical with choices that are equal in Python (0 and False, 1 and True).
#
# The objective gets the choice that was sampled, False in half of the trials. The trial records the
# first choice that equals it. So best_params names 0 though every trial with 0 lost, in memory and in
# a database alike, and nothing warns.
# Guess before running: the study records which of the two choices was sampled.
# Seen: 8 trials, 5 of them ran with False, 0 of them recorded False; best ran with False, best_params 0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install --quiet --disable-pip-version-check optuna==5.0.0
cat > "$work/clip.py" <<'PY'
import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
ran = []


def objective(trial):
    clip = trial.suggest_categorical("clip", [0, False])
    ran.append(clip)
    return 0.1 if clip is False else 0.9


study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
study.optimize(objective, 8)
recorded = [trial.params["clip"] for trial in study.trials]
print("ran with False", sum(clip is False for clip in ran), end=" ")
print("recorded False", sum(clip is False for clip in recorded), end=" ")
print("best ran with", ran[study.best_trial.number], "best_params", study.best_params["clip"])
PY
cd "$work"
seen=$("$work/env/bin/python" clip.py)
echo "optuna 5.0.0: $seen"
[ "$seen" = "ran with False 5 recorded False 0 best ran with False best_params 0" ]
