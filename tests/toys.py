"""A study that runs in a second."""

FUNCTION = """
def train(run):
    x, y = run.hp.x, run.hp.get("y", 1.0)
    for step in range(1, run.budget + 1):
        run.report(step, loss=(x - 0.3) ** 2 + y / step, accuracy=1 - x)
"""
STUDY = """
study: toy
trainer: trainer.py:train
objective: {minimize: loss}
search: {rounds: 2, trials: 6, survivors: 2}
budget: {steps: 4, growth: 2}
confirm: {top: 2, seeds: 2}
space:
  x: {uniform: [0, 1]}
  kind: [a, b]
  y: {loguniform: [0.1, 10], when: {kind: b}}
"""
