"""`t2d-mol finetune`: teach a pretrained model to follow prompts."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from t2d_mol.cli import options
from t2d_mol.cli.errors import handled
from t2d_mol.cli.runs import BatchSize, Compile, NoiseShift, Resume, Steps, run_loop
from t2d_mol.errors import UsageError

if TYPE_CHECKING:
    from t2d_mol.checkpoint import Checkpoint
    from t2d_mol.config import TrainingConfig
    from t2d_mol.training.objective import Objective


@handled
def finetune(
    checkpoint: Annotated[Path, typer.Option(help="Pretrained checkpoint.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.")],
    steps: Steps = 0,
    max_minutes: Annotated[
        float, typer.Option(help="Budget of the denoiser in minutes; encoder, predictor and guide come on top.", min=0)
    ] = 0.0,
    label_fraction: Annotated[float, typer.Option(help="Share of half B's 50,000 labels.")] = 1.0,
    method: Annotated[
        str, typer.Option(help="lexicographic, or a control: plain, scratch, low-lr, l2sp, ewc or replay.")
    ] = "lexicographic",
    condition: Annotated[str, typer.Option(help="text, or numbers for the control without words.")] = "text",
    text_encoder: Annotated[
        str | None,
        typer.Option(
            help="builtin, or hf:PATH for a Hugging Face encoder by folder or name; by default the checkpoint's own.",
            show_default=False,
        ),
    ] = None,
    encoder_steps: Annotated[
        int, typer.Option(help="Steps of the text encoder on prompts alone, if it is untrained.")
    ] = 6000,
    predictor_steps: Annotated[
        int, typer.Option(help="Steps of the property network on half B, if the checkpoint has none; 0 for none.")
    ] = 8000,
    guide_steps: Annotated[
        int,
        typer.Option(help="Steps of the guide, which steers, on estimates of the finetuned denoiser; 0 keeps the old one."),
    ] = 4000,
    noise_shift: NoiseShift = 0.0,
    constraint_every: Annotated[
        int, typer.Option(help="Steps between two looks at the constraint while it is slack.", min=1)
    ] = 1,
    gamma: Annotated[
        float, typer.Option(help="Slack of the constraint: L1' is held at gamma times what pretraining reached.")
    ] = 1.0,
    alpha: Annotated[
        float, typer.Option(help="How fast a violated L1' is to return to its bound; 1 is a weak pull, 100 a strong one.")
    ] = 1.0,
    beta: Annotated[float, typer.Option(help="Most of that rate, in squares of the norm of its gradient.")] = 1.0,
    scope: Annotated[str, typer.Option(help="One lambda for all parameters (global) or for each (tensor).")] = "global",
    metric: Annotated[str, typer.Option(help="plain, or adam to take lambda in the metric in which Adam steps.")] = "plain",
    constraint_data: Annotated[
        str, typer.Option(help="What L1' is taken of: the labelled molecules of the step, or unlabelled ones.")
    ] = "labelled",
    constraint_noise: Annotated[
        str, typer.Option(help="The noise levels L1' of unlabelled molecules is taken under: finetuning's or pretraining's.")
    ] = "finetuning",
    constraint_memory: Annotated[
        float, typer.Option(help="Share of its past in the running mean of L1' that is held; 0 takes each batch's.")
    ] = 0.0,
    penalty: Annotated[
        float, typer.Option(help="Weight of the way from the pretrained weights in l2sp and ewc, of L1' in replay.")
    ] = 0.01,
    compile_: Compile = False,
    batch_size: BatchSize = 64,
    learning_rate: Annotated[float, typer.Option(help="Peak learning rate.")] = 5e-4,
    resume: Resume = False,
    data: options.Data = options.DEFAULT_DATA,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    threads: options.Threads = 0,
    config: options.ConfigFile = None,
    print_config: options.PrintConfig = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Finetune on prompts of half B under the constraint that the unconditional loss stays where pretraining left it.

    For example: t2d-mol finetune --checkpoint runs/small/last.safetensors --max-minutes 30 -o runs/small-text
    """
    options.set_up(quiet, threads)
    from t2d_mol import config as presets
    from t2d_mol.checkpoint import Checkpoint
    from t2d_mol.cli.production import digest_of
    from t2d_mol.qm9.dataset import Molecules
    from t2d_mol.text2data import processes
    from t2d_mol.training.finetune import Finetuning, scheduled
    from t2d_mol.training.launch import join
    from t2d_mol.training.properties import GuideTraining, PredictorTraining
    from t2d_mol.training.reader import Reading

    device = join(options.pick_device(device))
    bf16 = options.pick_bf16(precision, device, training=True)
    training = presets.TrainingConfig(
        steps=steps,
        max_minutes=max_minutes,
        label_fraction=label_fraction,
        method=method,
        condition=condition,
        batch_size=batch_size,
        learning_rate=learning_rate,
        noise_shift=noise_shift,
        constraint_every=constraint_every,
        gamma=gamma,
        alpha=alpha,
        beta=beta,
        scope=scope,
        metric=metric,
        constraint_data=constraint_data,
        constraint_noise=constraint_noise,
        constraint_memory=constraint_memory,
        penalty=penalty,
    )
    if text_encoder and condition != "text":
        raise UsageError(f"--text-encoder has no use with --condition {condition}")
    base, molecules = with_text_encoder(Checkpoint.load(checkpoint), text_encoder), Molecules.load(data)
    if condition == "text" and "encoder" not in base.weights:
        reading = presets.TrainingConfig(steps=encoder_steps, learning_rate=1e-3)
        learner = Reading(base, reading, seed=seed, device=device)
        base = _with_trained(base, "encoder", learner, reading, out, force, quiet)
    if predictor_steps and "predictor" not in base.weights:
        predicting = presets.TrainingConfig(steps=predictor_steps, learning_rate=1e-3)
        predictor = PredictorTraining(base, molecules, predicting, seed=seed, bf16=bf16, device=device)
        base = _with_trained(base, "predictor", predictor, predicting, out, force, quiet)
    objective = Finetuning(base, molecules, training, seed=seed, bf16=bf16, device=device)
    if compile_:
        objective.network.denoiser.compile_parts()
    settings = {"checkpoint": base.digest(), "seed": seed, "data": digest_of(str(data))}
    run_loop(objective, scheduled(training), out, "finetuning", resume=resume, force=force, quiet=quiet, settings=settings)
    if guide_steps:
        guiding, done = presets.TrainingConfig(steps=guide_steps), Checkpoint.load(out / "last.safetensors")
        guide = GuideTraining(done, molecules, guiding, seed=seed, bf16=bf16, device=device)
        whole = _with_trained(done, "guide", guide, guiding, out, force, quiet)
        if processes.rank() == 0:
            whole.save(out / "last.safetensors")


def with_text_encoder(base: "Checkpoint", choice: str | None) -> "Checkpoint":
    """Return a checkpoint whose text encoder is the one chosen, still to be trained if it has another; None leaves it.

    Raises:
        UsageError: if the choice is neither `builtin` nor `hf:` with a folder or name behind it.
    """
    if choice is None:
        return base
    kind, _, name = choice.partition(":")
    if choice != "builtin" and (kind != "hf" or not name):
        raise UsageError(f"no text encoder {choice!r}", "text encoders: builtin, hf:PATH")
    folder = Path(name).expanduser()
    name = str(folder.resolve()) if name and folder.is_dir() else name
    if name == base.config.encoder.language_model:
        return base
    config = replace(base.config, encoder=replace(base.config.encoder, language_model=name))
    weights = {network: state for network, state in base.weights.items() if network != "encoder"}
    return base.replace(config=config, weights=weights)


def _with_trained(
    base: "Checkpoint", name: str, objective: "Objective", training: "TrainingConfig", out: Path, force: bool, quiet: bool
) -> "Checkpoint":
    """Train a network in the run's folder, or go on where one like it was left, and return the checkpoint with it."""
    from t2d_mol.checkpoint import Checkpoint, tensor_digest

    folder = out / name
    left = Checkpoint.load(folder / "last.safetensors") if (folder / "state.safetensors").exists() else None
    resume = left is not None and not force and left.statistics == base.statistics
    if left is not None:
        resume &= getattr(left.config, name) == getattr(base.config, name)
    if name == "guide" and left is not None:  # which is of one denoiser
        resume &= tensor_digest({name: left.weights["denoiser"]}) == tensor_digest({name: base.weights["denoiser"]})
    run_loop(objective, training, folder, name, resume=resume, force=force or left is not None, quiet=quiet)
    done = Checkpoint.load(folder / "last.safetensors")
    provenance = base.provenance | {name: done.provenance[name]}
    weights = base.weights | {name: done.weights[name]}
    return base.replace(weights=weights, vocabulary=done.vocabulary or base.vocabulary, provenance=provenance)
