"""Study files for the tests: one with every section, and the head of a small one."""

WHOLE = """\
study: digits-gan
trainer: gan.py:GAN
objective: {minimize: fid}
search: {rounds: 4, trials: 25, survivors: 3, seed: 0}
budget: {steps: 1000, growth: 2}
limits: {trial_seconds: 600, trial_memory_mib: 4096, search_seconds: 36000}
fixed: {data: digits}
start: [{lr_g: 2.0e-4}]
space:
  lr_g: {loguniform: [1e-5, 1e-2]}
  loss: [non_saturating, wgan, hinge]
  penalty: [none, gradient, r1]
  penalty_weight: {loguniform: [0.1, 100], when: {penalty: [gradient, r1]}}
  n_critic: {int: [1, 5]}
  width: {logint: [32, 128]}
  beta1: {uniform: [0, 1]}
"""

SMALL = """\
study: small
trainer: gan.py:GAN
objective: {minimize: fid}
budget: {steps: 10}
"""
