"""Ridge regression and a support vector machine, whichever is better, on real data."""

import optuna
import optunahub
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

X, y = load_diabetes(return_X_y=True)


def objective(trial: optuna.Trial) -> float:
    if trial.suggest_categorical("model", ["ridge", "svr"]) == "ridge":
        model = Ridge(alpha=trial.suggest_float("alpha", 1e-4, 1e3, log=True))
    else:
        model = SVR(
            C=trial.suggest_float("C", 1e-2, 1e4, log=True),
            epsilon=trial.suggest_float("epsilon", 1e-2, 1e2, log=True),
            gamma=trial.suggest_float("gamma", 1e-4, 1, log=True),
        )
    return float(cross_val_score(make_pipeline(StandardScaler(), model), X, y, cv=3).mean())


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    module = optunahub.load_module("samplers/tightening")
    study = optuna.create_study(
        direction="maximize", sampler=module.TighteningSampler(seed=0, trials=10)
    )
    study.optimize(objective, n_trials=40)
    print(f"R² {study.best_value:.3f} with {study.best_params}")
