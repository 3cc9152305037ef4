"""Reference traces of TPE: the best of 60 points that Optuna finds, over 30 seeds, on three functions.

Run it once per version of Optuna that is to be a reference; each run adds or replaces its version in the file. The committed
file holds 4.9.0 and 5.0.0, because the two differ in their bandwidths:

    python3 -m venv VENV && VENV/bin/pip install optuna==4.9.0
    VENV/bin/python bench/peers/optuna_traces.py runner/sweep/_optuna_traces.json
    deno fmt runner/sweep/_optuna_traces.json

The functions and spaces are those of runner/sweep/_objectives.ts; `probe` in the file is a value that its test compares.
Samplers: TPESampler(multivariate=True, constant_liar=True) one point at a time and in waves of four, of which none is told
before all four are asked, and RandomSampler. Half a minute per version; SEEDS=200 in the environment asks for more seeds.
"""

import json
import math
import os
import sys
import warnings

import optuna

POINTS = 60
SEEDS = int(os.environ.get("SEEDS", "30"))
WAVE = 4


def branin(v):
    x, y = v["x"], v["y"]
    bowl = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return bowl**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


HARTMANN_ALPHA = [1.0, 1.2, 3.0, 3.2]
HARTMANN_A = [
    [10, 3, 17, 3.5, 1.7, 8],
    [0.05, 10, 17, 0.1, 8, 14],
    [3, 3.5, 1.7, 10, 17, 8],
    [17, 8, 0.05, 10, 0.1, 14],
]
HARTMANN_P = [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
]


def hartmann6(v):
    total = 0.0
    for alpha, row, centre in zip(HARTMANN_ALPHA, HARTMANN_A, HARTMANN_P):
        total += alpha * math.exp(-sum(a * (v[f"x{j}"] - p) ** 2 for j, (a, p) in enumerate(zip(row, centre))))
    return -total


MIX_OPTIMISER = {"adam": (0.0, -3.0), "sgd": (0.6, -1.5), "lion": (0.3, -4.0)}
MIX_ENCODING = {"hash": (0.0, 0.7), "dense": (0.5, 0.2), "planes": (0.3, 0.5), "waves": (0.8, 0.9)}
MIX_CLASH = {("adam", "planes"): 0.5, ("sgd", "dense"): -0.2, ("lion", "hash"): 0.4}


def mix(v):
    optimiser_cost, best_rate = MIX_OPTIMISER[v["optimiser"]]
    encoding_cost, best_weight = MIX_ENCODING[v["encoding"]]
    return (
        optimiser_cost
        + encoding_cost
        + MIX_CLASH.get((v["optimiser"], v["encoding"]), 0.0)
        + 0.5 * (math.log10(v["rate"]) - best_rate) ** 2
        + 4 * (v["weight"] - best_weight) ** 2
        + 0.3 * (v["offset"] - 2 * v["weight"]) ** 2
    )


def ask(name, trial):
    if name == "branin":
        return {"x": trial.suggest_float("x", -5, 10), "y": trial.suggest_float("y", 0, 15)}
    if name == "hartmann6":
        return {f"x{j}": trial.suggest_float(f"x{j}", 0, 1) for j in range(6)}
    return {
        "optimiser": trial.suggest_categorical("optimiser", list(MIX_OPTIMISER)),
        "encoding": trial.suggest_categorical("encoding", list(MIX_ENCODING)),
        "weight": trial.suggest_float("weight", 0, 1),
        "offset": trial.suggest_float("offset", -2, 2),
        "rate": trial.suggest_float("rate", 1e-5, 1e-1, log=True),
    }


FUNCTIONS = {
    "branin": (branin, 0.39788735772973816, {"x": 2.5, "y": 7.25}),
    "hartmann6": (hartmann6, -3.322368011415515, {f"x{j}": 0.1 + 0.15 * j for j in range(6)}),
    "mix": (mix, 0.0, {"optimiser": "sgd", "encoding": "dense", "weight": 0.3, "offset": -0.5, "rate": 2e-3}),
}


def tpe(seed):
    return optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)


def best_of(name, sampler, wave):
    function = FUNCTIONS[name][0]
    study = optuna.create_study(sampler=sampler)
    for _ in range(POINTS // wave):
        asked = [(trial, ask(name, trial)) for trial in (study.ask() for _ in range(wave))]
        for trial, values in asked:
            study.tell(trial, function(values))
    return round(study.best_value, 6)


def main(path):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    traces = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            traces = json.load(file)
    traces["points"] = POINTS
    traces["wave"] = WAVE
    reference = {}
    for name, (function, optimum, probe) in FUNCTIONS.items():
        traces.setdefault("functions", {})[name] = {"optimum": optimum, "probe": {"at": probe, "value": function(probe)}}
        reference[name] = {
            "tpe": [best_of(name, tpe(seed), 1) for seed in range(SEEDS)],
            "tpe_waves": [best_of(name, tpe(seed), WAVE) for seed in range(SEEDS)],
            "random": [best_of(name, optuna.samplers.RandomSampler(seed=seed), 1) for seed in range(SEEDS)],
        }
    traces.setdefault("optuna", {})[optuna.__version__] = reference
    with open(path, "w", encoding="utf-8") as file:
        json.dump(traces, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
