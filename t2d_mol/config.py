"""Configuration: frozen dataclasses whose field names are the option names and the TOML keys, and the presets."""

import math
import tomllib
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from t2d_mol.errors import InputError, UsageError, unknown
from t2d_mol.properties import PROPERTIES

Config = TypeVar("Config")


@dataclass(frozen=True)
class DenoiserConfig:
    """Size of the denoiser.

    Attributes:
        blocks: number of blocks.
        scalars: invariant channels an atom.
        vectors: channels of each l from 1 to lmax an atom.
        pairs: channels a pair of atoms.
        heads: attention heads.
        lmax: highest angular momentum, 1 or 2.
        memory: width of the prompt tokens.
        summary: width of the prompt's summary, 0 for a denoiser that sees the tokens alone.
    """

    blocks: int = 6
    scalars: int = 160
    vectors: int = 32
    pairs: int = 40
    heads: int = 8
    lmax: int = 1
    memory: int = 128
    summary: int = 0


@dataclass(frozen=True)
class EncoderConfig:
    """Size of the text encoder.

    Attributes:
        width: width of its tokens, equal to the denoiser's `memory`.
        layers: transformer layers.
        heads: attention heads.
        max_tokens: longest prompt in tokens; what is beyond is cut off.
        language_model: folder or name of the Hugging Face encoder that reads the words; empty where senses are read.
    """

    width: int = 128
    layers: int = 2
    heads: int = 4
    max_tokens: int = 96
    language_model: str = ""


@dataclass(frozen=True)
class PropertyConfig:
    """Size of a network that predicts properties.

    Attributes:
        blocks, scalars, vectors, pairs, heads, lmax: as the denoiser's.
        estimates: whether it reads a denoiser's estimates of noisy molecules, with the bonds and the noise level.
    """

    blocks: int = 3
    scalars: int = 96
    vectors: int = 24
    pairs: int = 32
    heads: int = 4
    lmax: int = 1
    estimates: bool = False


@dataclass(frozen=True)
class DiffusionConfig:
    """Noise levels, scales and loss weights; log-normal levels, variance exploding.

    Attributes:
        position_scale: Å per unit of the noisy positions, the data's standard deviation.
        type_scale, bond_scale: one-hot entries are ± this.
        log_sigma_mean, log_sigma_std: ln σ in training is normal with these.
        type_weight, bond_weight, charge_weight: weights of the cross-entropies beside the positions' 1.
        self_conditioning: probability that a training step sees an earlier estimate.
    """

    position_scale: float = 1.4
    type_scale: float = 0.25
    bond_scale: float = 1.0
    log_sigma_mean: float = -1.2
    log_sigma_std: float = 1.4
    type_weight: float = 0.3
    bond_weight: float = 0.15
    charge_weight: float = 0.3
    self_conditioning: float = 0.5

    def shifted(self, by: float) -> "DiffusionConfig":
        """Return it with `by` added to the mean of ln σ."""
        return replace(self, log_sigma_mean=self.log_sigma_mean + by)


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained.

    Attributes:
        batch_size: molecules a step.
        learning_rate: peak of the schedule.
        weight_decay: AdamW's.
        warmup: steps of linear warm-up.
        decay_from: fraction of the budget after which the rate falls linearly to zero.
        clip: largest gradient norm.
        ema: decay of the moving average of the weights.
        steps: budget in steps; 0 for none.
        max_minutes: budget in minutes; 0 for none.
        checkpoint_minutes: how often `last` is written.
        validation_molecules: molecules of the validation split a validation loss is taken over.
        label_fraction: share of half B whose prompts finetuning sees; smaller shares are nested.
        prompt_dropout: probability that finetuning replaces a prompt by NULL.
        noise_shift: what training adds to the mean of ln σ; bonds and what prompts say are decided where the noise is high.
        constraint_every: steps between two looks at the constraint while it is slack; every step while it is not.
        method: how finetuning keeps what pretraining learned, by its name in `training.finetune.METHODS`.
        gamma: slack of the lexicographic constraint, which holds the unconditional loss at γξ.
        alpha, beta: how fast that loss is to return to γξ: φ = min(α (L1' − γξ), β ‖∇L1'‖²).
        scope: one λ for all parameters (global), or one for each (tensor).
        metric: plain, or adam for a λ taken in the metric in which Adam steps.
        constraint_memory: share of its past in the running mean of L1' that is held against γξ; 0 takes each batch's.
        constraint_data: labelled for an L1' of the step's own molecules, unlabelled for one of the whole train split.
        constraint_noise: finetuning for an L1' under the noise levels of L2, pretraining for one under those of pretraining.
        penalty: weight of the way from the pretrained weights in l2sp and ewc, of L1' in replay.
        condition: text, or numbers for the control that sees the target values themselves.
    """

    batch_size: int = 64
    learning_rate: float = 1.5e-3
    weight_decay: float = 1e-4
    warmup: int = 300
    decay_from: float = 0.3
    clip: float = 1.0
    ema: float = 0.999
    steps: int = 0
    max_minutes: float = 0.0
    checkpoint_minutes: float = 5.0
    validation_molecules: int = 512
    label_fraction: float = 1.0
    prompt_dropout: float = 0.1
    noise_shift: float = 0.0
    constraint_every: int = 1
    method: str = "lexicographic"
    gamma: float = 1.0
    alpha: float = 1.0
    beta: float = 1.0
    scope: str = "global"
    metric: str = "plain"
    constraint_memory: float = 0.0
    constraint_data: str = "labelled"
    constraint_noise: str = "finetuning"
    penalty: float = 0.01
    condition: str = "text"

    def __post_init__(self) -> None:
        """See that it can be trained with.

        Raises:
            UsageError: if it cannot.
        """
        _check_least(self, {"batch_size": 1, "warmup": 1, "steps": 0, "max_minutes": 0, "constraint_every": 1})
        if not 0 <= self.decay_from < 1:
            raise UsageError(f"decay_from must be in [0, 1), not {self.decay_from}")


STEER: Final = 1.0
"""Strength with which properties steer by default; twice as much cost seven points of validity on 96 molecules."""


@dataclass(frozen=True)
class SamplingConfig:
    """How molecules are sampled.

    Attributes:
        steps: calls of the denoiser a molecule (up to twice as many evaluations where guidance is on), repairs apart.
        guidance: weight of classifier-free guidance; 1 is none, 0 ignores the prompt's words.
        batch_size: most molecules sampled together; changes speed and memory, not the molecules.
        atoms: inclusive range of atom counts; None draws the count from p(n | targets).
        seed: with prompt row and number it decides every random draw.
        bf16: compute in bfloat16; faster on some machines, and then molecules may differ with the batch size.
        steer: how much the guide's reading of the targets is trusted while it steers the noisy molecules; 0 is none.
        attempts: how often a molecule is made at most until it has the structure its prompt asks for.
        repairs: how often a molecule whose bonds and charges do not add up is noised in part and denoised anew, at most.
        weights: of properties that count more or less than 1; each costs a further evaluation a call.
        solver: how each step is taken, by its name in `diffusion.sampler.SOLVERS`.
        temperature: of the predicted atom types and bond orders; below 1 sharpens them.
        clamp_below: noise level below which predicted types and bonds count as certain; 0 for none.
        candidates: molecules made for each one kept.
        choose: which of them is kept, by its name in `choosing.CHOOSERS`.
    """

    steps: int = 50
    guidance: float = 1.5
    batch_size: int = 32
    atoms: tuple[int, int] | None = None
    seed: int = 0
    bf16: bool = False
    steer: float = STEER
    attempts: int = 5
    repairs: int = 2
    weights: tuple[tuple[str, float], ...] = ()
    solver: str = "sa"
    temperature: float = 1.0
    clamp_below: float = 0.0
    candidates: int = 1
    choose: str = "nearest"

    def __post_init__(self) -> None:
        """See that it can be sampled with.

        Raises:
            UsageError: if it cannot.
        """
        _check_least(self, {"steps": 1, "batch_size": 1, "attempts": 1, "candidates": 1, "repairs": 0})
        for name in ("guidance", "steer", "temperature", "clamp_below"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise UsageError(f"{name} must be a number of at least 0, not {getattr(self, name)}")
        if self.temperature <= 0:
            raise UsageError(f"temperature must be above 0, not {self.temperature}")


@dataclass(frozen=True)
class ModelConfig:
    """A whole model.

    Attributes:
        denoiser, encoder: the generator.
        predictor: reads the properties of finished molecules.
        guide: reads them from estimates while molecules take shape, and steers.
        diffusion: the process.
    """

    denoiser: DenoiserConfig = field(default_factory=DenoiserConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    predictor: PropertyConfig = field(default_factory=PropertyConfig)
    guide: PropertyConfig = PropertyConfig(estimates=True)
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)


SUMMARY: Final = 16 * len(PROPERTIES)
"""Width of the summary the built-in encoders make of a prompt, see `nn.text.summarised`."""

PRESETS: Final = {
    "tiny": ModelConfig(
        DenoiserConfig(blocks=3, scalars=64, vectors=16, pairs=24, heads=4, memory=64, summary=SUMMARY),
        EncoderConfig(width=64),
        PropertyConfig(blocks=2, scalars=48, vectors=12, pairs=16, heads=4),
        PropertyConfig(blocks=2, scalars=48, vectors=12, pairs=16, heads=4, estimates=True),
    ),
    "small": ModelConfig(DenoiserConfig(summary=SUMMARY)),
    "base": ModelConfig(
        DenoiserConfig(blocks=9, scalars=256, vectors=48, pairs=64, heads=8, memory=192, summary=SUMMARY),
        EncoderConfig(width=192),
    ),
}
"""`tiny` for tests and demonstrations, `small` for two cores, `base` for a GPU."""

JUDGE: Final = PropertyConfig(blocks=4, scalars=128, vectors=32, pairs=48, heads=8)
"""Size of the judge's network."""


def to_dict(config: Any) -> dict[str, Any]:
    """Return a configuration as nested dictionaries of plain values."""
    return asdict(config)


def from_dict(kind: type[Config], values: dict[str, Any], base: Config | None = None) -> Config:
    """Build a configuration from nested dictionaries; absent keys are those of `base`, by default the defaults.

    Raises:
        InputError: if a key is unknown or a value is of the wrong type; the message names it.
    """
    known = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]
    arguments: dict[str, Any] = {}
    defaults = base or kind()
    for key, value in values.items():
        if key not in known:
            raise InputError(f"unknown configuration key {key!r}", f"known keys: {', '.join(known)}")
        default = getattr(defaults, key)
        if is_dataclass(default):
            value = from_dict(type(default), value, default)
        elif isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        elif isinstance(default, tuple | None) and isinstance(value, list):
            value = tuple(value)
        elif type(value) is not type(default):
            raise InputError(f"configuration key {key!r} must be {type(default).__name__}, not {value!r}")
        arguments[key] = value
    return replace(defaults, **arguments)  # type: ignore[type-var]


def _check_least(config: Any, least: dict[str, int]) -> None:
    for name, bound in least.items():
        if getattr(config, name) < bound:
            raise UsageError(f"{name} must be at least {bound}, not {getattr(config, name)}")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        InputError: if it cannot be read or is not TOML.
    """
    try:
        with path.open("rb") as stream:
            return tomllib.load(stream)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read configuration {path}: {error}") from None


def preset(name: str) -> ModelConfig:
    """Return a preset.

    Raises:
        UsageError: if there is none of that name.
    """
    if name not in PRESETS:
        raise unknown("preset", name, PRESETS)
    return PRESETS[name]
