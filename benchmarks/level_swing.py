"""How far prompts move molecules: "very low" against "very high" for each property, by the bundled property network."""

import argparse
import math
import statistics
from pathlib import Path

from t2d_mol.generation import Model, SamplingConfig
from t2d_mol.molecule import Target
from t2d_mol.prompts import general_prompt, parse_prompt
from t2d_mol.properties import PROPERTIES


def main() -> None:
    """Print one row a property: both means with standard errors, their difference in standard errors, valid molecules."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("-n", type=int, default=200, help="molecules for each prompt")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--guidance", type=float, default=SamplingConfig().guidance)
    arguments = parser.parse_args()
    model = Model.load(arguments.checkpoint)
    config = SamplingConfig(steps=arguments.steps, guidance=arguments.guidance)
    print("| property | unit | very low | very high | difference / its standard error | valid |")
    print("|---|---|---|---|---|---|")
    for prop in PROPERTIES:
        cells, valid = [], 0
        for row, level in enumerate((0, 4)):
            text = general_prompt([Target(prop.key, "level", level=level)])
            made = list(model.sample([(row, parse_prompt(text, model.statistics))], arguments.n, config))
            values = [generated.predicted[prop.key] for generated in made]
            cells.append((statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values))))
            valid += sum(generated.state == "valid" for generated in made)
        (low, low_error), (high, high_error) = cells
        moved = (high - low) / math.hypot(low_error, high_error)
        print(
            f"| {prop.name} | {prop.unit} | {low:.2f} ± {low_error:.2f} | {high:.2f} ± {high_error:.2f} | {moved:.1f} | "
            f"{100 * valid / (2 * arguments.n):.1f} % |",
            flush=True,
        )


if __name__ == "__main__":
    main()
