"""The groups in which the trials of the shipped studies would train.

    python benchmarks/groups.py

One row a round: how many loops it takes, and the group that its average trial finds itself in.
Round 0 is as it will be; the later ones are drawn around survivors of random rankings, twenty times
over, which makes the groups smaller than they come out in a search, whose survivors are alike.
"""

import argparse
import json
from pathlib import Path

from hpsearch.controller import inspect_study
from hpsearch.controller.group_forecast import forecast_groups
from hpsearch.study.load import load_study
from hpsearch.ui.cli.fusion import split_text

HERE = Path(__file__).parent
STUDIES = HERE.parent / "studies"


def rows_of(file: Path) -> list[dict[str, object]]:
    study = load_study(file)
    description = inspect_study(study)
    structures = study.search.structures
    rows: list[dict[str, object]] = []
    for each in forecast_groups(study, description):
        lone = description.kind != "trainer"
        rows.append(
            {
                "study": study.name,
                "structures": ", ".join(map(str, structures)) or "as drawn",
                "round": each.round,
                "trials": each.trials,
                "loops": each.trials if lone else round(each.count, 1),
                "average trial's group": 1.0 if lone else round(each.mean, 1),
                "what splits most": f"a {description.kind}" if lone else split_text(each),
            }
        )
    return rows


def markdown(rows: list[dict[str, object]]) -> str:
    lines = [
        "# Groups of the shipped studies",
        "",
        "`python benchmarks/groups.py`, as `hpsearch check --fusion` forecasts them. Round 0 is as "
        "it will be, later rounds are the mean over 20 random rankings. A command or a function "
        "trains one process a trial.",
        "",
        "| " + " | ".join(rows[0]) + " |",
        "|" + "---|" * len(rows[0]),
    ]
    lines += ["| " + " | ".join(str(cell) for cell in row.values()) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Groups of the shipped studies")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "groups.md")
    given = parser.parse_args()
    rows = [row for file in sorted(STUDIES.glob("*.yaml")) for row in rows_of(file)]
    given.output.write_text(markdown(rows))
    given.output.with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n")
    print(markdown(rows))


if __name__ == "__main__":
    main()
