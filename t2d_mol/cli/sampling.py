"""How molecules are sampled: options that `sample` and `evaluate` share."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from t2d_mol.errors import UsageError

if TYPE_CHECKING:
    from t2d_mol.config import SamplingConfig

FAST_STEPS: Final = 20
"""Calls of the denoiser with --fast."""

SOURCES: Final = ("DEFAULT", "DEFAULT_MAP", "ENVIRONMENT", "COMMANDLINE")
"""Where an option may come from; of two that contradict each other the later one counts."""

Steps = Annotated[int, typer.Option(help="Calls of the denoiser a molecule, repairs apart.", min=2)]
Fast = Annotated[bool, typer.Option("--fast", help=f"{FAST_STEPS} calls; quicker, but targets are met less closely.")]
Solver = Annotated[str, typer.Option(help="euler, ancestral, dpm++, dpm++sde, churn, churn2 or sa.")]
Guidance = Annotated[float, typer.Option(help="Weight of the prompt; 1 is no guidance.", min=0)]
Steer = Annotated[float, typer.Option(help="Strength with which targets steer the molecules; 0 is none, and faster.", min=0)]
Temperature = Annotated[
    float, typer.Option(help="Of predicted atom types and bonds while sampling; below 1 sharpens them.", min=0.01, max=10)
]
Clamp = Annotated[
    float, typer.Option(help="Noise level below which predicted atom types and bonds count as certain; 0 for none.", min=0)
]
Candidates = Annotated[int, typer.Option(help="Molecules made for each one kept.", min=1)]
Choose = Annotated[
    str, typer.Option(help="Which candidate is kept: nearest to the targets, or consensus, nearest to the others.")
]
Repairs = Annotated[
    int,
    typer.Option(
        help="Times a molecule whose bonds and charges do not add up is noised in part and denoised anew, at most.", min=0
    ),
]
BatchSize = Annotated[int, typer.Option(help="Molecules sampled together.", min=1)]


def sampling_config(
    *,
    steps: int,
    solver: str,
    guidance: float,
    steer: float,
    temperature: float,
    clamp: float,
    candidates: int,
    choose: str,
    repairs: int,
    batch_size: int,
    seed: int,
    weights: tuple[tuple[str, float], ...] = (),
) -> "SamplingConfig":
    """Return the configuration that the options stand for.

    Raises:
        UsageError: if a name is none of those there are, or options contradict each other.
    """
    from t2d_mol.config import SamplingConfig
    from t2d_mol.generation import checked

    made = SamplingConfig(
        steps=steps,
        guidance=guidance,
        batch_size=batch_size,
        seed=seed,
        steer=steer,
        solver=solver,
        temperature=temperature,
        clamp_below=clamp,
        candidates=candidates,
        choose=choose,
        repairs=repairs,
        weights=weights,
    )
    return checked(made)


def steps_in_force(context: typer.Context, steps: int, fast: bool) -> int:
    """Return the calls that are asked for by --steps and --fast.

    Raises:
        UsageError: if both stand on the command line.
    """
    if not fast:
        return steps
    own, other = (
        SOURCES.index(getattr(context.get_parameter_source(name), "name", "DEFAULT")) for name in ("steps", "fast")
    )
    if own == other == SOURCES.index("COMMANDLINE"):
        raise UsageError(f"--fast is --steps {FAST_STEPS}, and --steps {steps} is asked for too", "give one of them")
    return steps if own > other else FAST_STEPS
