"""A script independent of hpsearch: it takes flags and prints one JSON line per report.

python train_mlp.py --lr 0.01 --hidden 64 --steps 300 --seed 0
"""

import argparse
import json

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--lr", type=float, default=1e-3)
parser.add_argument("--hidden", type=int, default=64)
parser.add_argument("--alpha", type=float, default=1e-4, help="L2 penalty")
parser.add_argument("--solver", choices=["adam", "sgd"], default="adam")
parser.add_argument("--momentum", type=float, default=0.9, help="of sgd")
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--steps", type=int, default=300)
parser.add_argument("--report-every", type=int, default=100)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

images, labels = load_digits(return_X_y=True)
images = images / 16
order = np.random.default_rng(0).permutation(len(images))  # the split is the same for every seed
train, valid = order[:1400], order[1400:]

net = MLPClassifier(
    [args.hidden],
    solver=args.solver,
    learning_rate_init=args.lr,
    momentum=args.momentum,
    alpha=args.alpha,
    batch_size=args.batch_size,
    random_state=args.seed % 2**32,
)
generator = np.random.default_rng(args.seed)
for step in range(1, args.steps + 1):
    rows = generator.choice(train, args.batch_size, replace=False)
    net.partial_fit(images[rows], labels[rows], classes=range(10))
    if step % args.report_every == 0 or step == args.steps:
        loss = log_loss(labels[valid], net.predict_proba(images[valid]), labels=range(10))
        accuracy = net.score(images[valid], labels[valid])
        print(json.dumps({"step": step, "val_loss": loss, "val_accuracy": accuracy}), flush=True)
