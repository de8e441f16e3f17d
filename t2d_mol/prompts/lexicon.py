"""The words of the grammar: phrases and what they mean."""

import re
from typing import Final, Literal

from t2d_mol.properties import PROPERTIES


def spelling(word: str) -> str:
    """Return the American spelling of a lower-case word."""
    return re.sub(r"is(e[ds]?|ing|ab(?:le|ility|ilities)|ation)$", r"iz\1", word) if len(word) > 5 else word


def _set(text: str) -> frozenset[str]:
    return frozenset(map(spelling, text.split()))


Kind = Literal[
    "property", "count", "flag", "adjective", "level", "extreme", "degree", "number", "unit", "compare", "plusminus", "range",
    "scale", "negation", "absence", "only", "within", "top", "fraction", "soft", "hard", "link", "filler", "word",
]  # fmt: skip
"""What a piece of a sentence can be; see `SENSES` for those that are phrases."""

LEVEL_WORDS: Final = {
    0: "tiny minimal minimum lowest smallest least minuscule minute negligible vanishing ultralow weakest narrowest deepest "
    "minimise|minimised|minimising|lowest possible|smallest possible|as low as possible|as small as possible|near zero|"
    "close to zero|next to no|hardly any|practically no|virtually no|almost no|bottommost|rock bottom",
    1: "low small lower little modest smaller lowish smallish reduced decreased limited minor slight weak poor narrow deep "
    "diminished meagre weaker narrower|low lying|lowered|few|deeper|on the low side|on the small side|below average|"
    "below the average|scant|decrease|reduce|subdued|shorter|not much|tight|stabilised",
    2: "medium moderate average intermediate mid typical middling middle normal ordinary regular midrange mean mediocre "
    "usual|mid range|middle of the road|of average size|medium sized|moderately sized|run of the mill|standard|so so",
    3: "high large big higher great elevated larger bigger sizeable sizable considerable substantial significant good wide "
    "raised enhanced increased strong pronounced generous decent greater wider stronger highish largish shallow shallower|high lying|broad|"
    "appreciable|notable|ample|increase|boosted|on the high side|on the large side|above average|above the average|tall|"
    "destabilised|hefty|marked|fair amount of|lots of|plenty of|much|healthy|heightened|augmented",
    4: "huge highest largest maximal maximum enormous biggest extreme massive gigantic immense giant tremendous exceptional "
    "greatest vast colossal ultrahigh strongest widest|maximise|maximised|maximising|highest possible|largest possible|"
    "as high as possible|as large as possible|as big as possible|as great as possible|topmost|sky high|through the roof|"
    "outstanding|monstrous|whopping|record",
}
"""Words for each level, an index into `properties.LEVELS`; phrases of several words stand between bars."""

NEAR_ZERO: Final = ("near zero", "close to zero")
"""What is very low of a property that cannot be negative, and a value of the others."""

COMPARATIVES: Final = {1: ("lower", "smaller", "less", "fewer"), 3: ("higher", "larger", "greater", "bigger", "more")}
"""Comparatives by the level they mean in "higher than average"; right before a number they are bounds."""

AVERAGE: Final = ("average", "the average", "usual", "typical", "most", "normal", "the mean")
"""What values are held against in words."""

STRONG: Final = (
    "very extremely exceptionally super ultra highly really remarkably unusually exceedingly incredibly extraordinarily "
    "strongly especially extra hugely truly immensely tremendously enormously awfully terribly particularly|ever so"
)
"""Degrees that push a level outwards, low to very low and high to very high."""

MILD: Final = (
    "hardly barely fairly rather quite relatively somewhat moderately slightly reasonably comparatively pretty kinda weakly mildly overly "
    "too|sort of|kind of|a bit|a little|all that"
)
"""Degrees that leave a level as it is."""

FAINT: Final = ("hardly", "barely", "weakly", "slightly", "mildly", "a bit", "a little")
"""Degrees that make a high adjective low: slightly polar."""

ADJECTIVES: Final = {
    "polarizable": ("alpha", 3),
    "less polarizable": ("alpha", 1),
    "least polarizable": ("alpha", 0),
    "most polarizable": ("alpha", 4),
    "as polarizable as possible": ("alpha", 4),
    "polar": ("mu", 3),
    "less polar": ("mu", 1),
    "least polar": ("mu", 0),
    "most polar": ("mu", 4),
    "as polar as possible": ("mu", 4),
    "dipolar": ("mu", 3),
    "nonpolar": ("mu", 0),
    "non polar": ("mu", 0),
    "apolar": ("mu", 0),
    "unpolar": ("mu", 0),
    "wide gap": ("gap", 3),
    "large gap": ("gap", 3),
    "narrow gap": ("gap", 1),
    "small gap": ("gap", 1),
}
"""Adjectives that name a property and a level at once."""

COMPARISONS: Final = {
    "<=": "no more|not more|and no more|at most|at the most|none above|none over|equal to or below|at or below|less than or equal|lower than or equal|smaller "
    "than or equal|less or equal|less or equal to|smaller or equal|smaller or equal to|lower or equal|lower or equal "
    "to|no wider than|not wider than|no shallower than|not shallower than|or deeper|or narrower|up to|no more than|not more than|no greater than|not greater than|no higher than|not higher "
    "than|no larger than|not larger than|not above|not over|not exceeding|does not exceed|not exceed|must not exceed|maximum "
    "of|max of|capped at|less than or equal to|smaller than or equal to|lower than or equal to|no bigger than|not bigger "
    "than|limited to|or less|or fewer|or lower|or below|or smaller|and below|or under|at max|never above|nothing "
    "above|ceiling of|upper limit of|upper bound of|not to exceed|tops|never exceeding|without exceeding|stay below|not "
    "surpassing|and under|or so at most",
    "<": "more negative than|less than|lower than|smaller than|fewer than|below|under|beneath|underneath|inferior to|short of|weaker than|narrower "
    "than|deeper than|shy of|stays below",
    ">=": "no less|not less|and no less|at least|at the least|no more negative than|not more negative than|none below|none under|equal to or above|at or "
    "above|more than or equal|greater than or equal|higher than or equal|larger than or equal|greater or equal|greater or equal to|larger or equal|larger or equal to|higher or equal|higher "
    "or equal to|bigger or equal|bigger or equal to|bigger than or equal to|no deeper than|not deeper than|no narrower than|"
    "not narrower than|or shallower|or wider|no less than|not less than|no lower than|not lower than|no smaller than|not smaller than|not "
    "below|not under|minimum of|min of|greater than or equal to|more than or equal to|higher than or equal to|larger than "
    "or equal to|or more|or higher|or above|or greater|or larger|and above|and more|and up|or over|starting "
    "from|starting at|upwards of|no fewer than|not fewer than|or better|and over|at min|nothing below|floor of|lower "
    "limit of|lower bound of|never below|upward of|not smaller|or bigger",
    ">": "less negative than|more positive than|shallower than|more than|greater than|higher than|larger than|bigger than|above|over|beyond|exceeding|exceeds|exceed|in excess of|"
    "superior to|surpassing|surpasses|upper than|stronger than|wider than|north of|past|stays above",
    "=": "equal to|equals|equal|approximately|approx|about|around|roughly|near|nearly|close to|exactly|precisely|circa|ca|c a|"
    "some|of about|in the vicinity of|in the neighbourhood of|in the region of|on the order of|of the order of|nearby|"
    "somewhere around|somewhere near|ballpark|almost|targeting|aiming for|target|set to|fixed at|aim for|right around|or so|"
    "neighbouring|thereabouts|in the ballpark of|nominally",
    "!=": "not equal to|unequal to|other than|different from|outside|outside of|apart from",
    "between": "in the range|in the range of|between|from|ranging|range|in the interval|ranging from|ranges from|within the "
    "range|in between|somewhere between|anywhere between|anywhere from|within the interval|in a range|window|inside|in",
}
"""Comparisons in words; `<=` and `<` differ for counts only."""

SYMBOLS: Final = {
    "<=": "<=", "≤": "<=", "=<": "<=", "⩽": "<=", "≦": "<=", "<": "<", ">=": ">=", "≥": ">=", "=>": ">=", "⩾": ">=", "≧": ">=",
    ">": ">", "=": "=", "==": "=", "≈": "=", "~": "=", "≃": "=", "≅": "=", "∼": "=", "~=": "=", "≳": ">", "≲": "<", "≫": ">",
    "≪": "<", ">>": ">", "<<": "<", "≠": "!=", "!=": "!=", ">/=": ">=", "</=": "<=",
}  # fmt: skip
"""Comparisons in symbols."""

ELEMENTS: Final = {
    "H": "hydrogen|hydrogen atom|hydrogens",
    "C": "carbon|carbon atom|carbons",
    "N": "nitrogen|nitrogen atom|nitrogens|nitrogenous|aza nitrogen",
    "O": "oxygen|oxygen atom|oxygens|oxygenated",
    "F": "fluorine|fluorine atom|fluorines|fluorinated|fluoro|fluoride|fluor|fluorine substituent|halogen|halogens",
}
"""Names of the elements."""

BEARING: Final = frozenset(("fluorinated", "oxygenated", "nitrogenous"))
"""Adjectives that wish for an element."""

COUNTS: Final = {
    "atoms": "atom|atom in total|total atom|atom overall|atom including hydrogen|atom count|total atom count|number of atom|"
    "n atom|natom|atom total|atom altogether|atom total count|atom counting hydrogen|atom incl hydrogen",
    "heavy": "heavy atom|non hydrogen atom|nonhydrogen atom|heavy atom count|number of heavy atom|non h atom|heavies|n heavy|"
    "heavy",
    "rings": "ring|cycle|ring count|number of ring|ring system|cyclic unit",
    "molecules": "molecule|structure|compound|candidate|sample|example|conformer|hit|suggestion",
}
"""What else is counted in a molecule; `molecules` catches how many are wished for, which no prompt decides."""

FLAGS: Final = {
    "aromatic": "aromatic|aromatic ring|aromaticity|arene|aromatic system|aromatic core|aromatic cycle",
    "cyclic": "cyclic|ring containing|ring bearing|alicyclic",
    "monocyclic": "monocyclic|mono cyclic",
    "bicyclic": "bicyclic|bicycle|bi cyclic|fused bicyclic",
    "tricyclic": "tricyclic|tri cyclic",
    "polycyclic": "polycyclic|multicyclic|multi ring",
    "acyclic": "acyclic|open chain|non cyclic|noncyclic|ringless|straight chain|linear chain|chain only",
    "aliphatic": "aliphatic|nonaromatic|non aromatic",
    "hydrocarbon": "hydrocarbon|pure hydrocarbon|heteroatom free|without heteroatom|no heteroatom",
}
"""Words for a whole structure."""

NUMBER_WORDS: Final = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18,
    "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90, "single": 1, "couple": 2, "pair": 2, "twice": 2,
}  # fmt: skip

FRACTIONS: Final = {
    "half": 50.0, "third": 100 / 3, "tercile": 100 / 3, "tertile": 100 / 3, "quarter": 25.0, "quartile": 25.0, "fifth": 20.0,
    "quintile": 20.0, "tenth": 10.0, "decile": 10.0, "percentile": 1.0, "twentieth": 5.0,
}  # fmt: skip
"""Parts of the data in per cent."""

FILLERS: Final = _set("""
a an the value values its it for please energy energies level levels generate give me make create should i want need
this these those there their them they we us our you your my mine ones any each every all both can could would will
shall may might must like wish wishes find show get getting got design propose suggest produce return looking look
looks searching search seeking seek after send build provide hello hi hey dear thanks thank thx pls plz kindly regards
cheers property properties calculated predicted computed also together along combined combination simultaneously when
if then what whats how on by into onto per do does did done am was were been so such same set ideally preferably
possibly maybe perhaps let lets go kind type something anything thing things else other another here now still just
amount magnitude number numbers expected expecting desired desire targets required requires require requirement
requirements criteria constraint constraints prefer preferred interested keep keeping kept organic chemical species
system systems overall total moiety atomistic geometry geometries 3d conformation sits sitting lies lying stay stays
staying remain remains far possible case side ranges exhibiting exhibits exhibit showing shows displaying displays
featuring features feature possessing possesses possess containing contains contain contained include includes
including included bearing bear bears carrying carries comes coming come characterized say says said well enough fine
ok okay best perfect nice nicely help needs needed wants wanted using use used put add unit units formula composition stoichiometry qm9 dataset data known id ill
im ive youre theres sir madam team folks everyone someone dr prof even though although because since than more less
most many lot mol mols kelvin temperature room constant volume absolute relative substance substances e g eg ie etc
namely respectively made built consisting consist consists composed comprised comprising present presence substituent
substituents formula composition stoichiometry isomer isomers
""")
"""Words that carry no wish and are not reported as unknown."""

ALIKE: Final = _set("""
string area width cape lover percent soft internal hugo
home hear heart last bounds rings carton sight blow male leaves gasp smell store dyes gives bitter world
""")
"""Words that are near a known one and are themselves."""


def phrases(text: str) -> list[str]:
    """Split a list of phrases: those of one word stand apart by spaces before the first bar, the others between bars."""
    singles, *others = text.split("|")
    return [*singles.split(), *(other.strip() for other in others)]


def words_of(phrase: str) -> tuple[str, ...]:
    """Return the words of a phrase as the lexer normalises them: lower case, American spelling, no hyphens."""
    return tuple(spelling(word) for word in re.split(r"[\s\-–/_]+", phrase.lower()) if word)


_EXTREMES: Final = {
    "low": "minimum|min|minimal|lower limit|lower bound|floor|lower limit on",
    "high": "maximum|max|maximal|upper limit|upper bound|ceiling|cap|upper limit on",
}
_NEGATING_VERBS: Final = ("is", "does", "do", "can", "should", "wo", "must", "are", "need", "would", "has", "have")
_CONDITIONS: Final = ("constraint", "requirement", "criteria", "restriction", "limit", "preference", "condition")
_EXCLUDING: Final = ("no", "exclude", "excluding", "avoid", "avoiding")
_ANYTHING: Final = ("molecule", "compound", "structure", "anything")
_HAVING: Final = ("with", "having", "that have", "containing", "that contain")
_PRAISES: Final = ("great", "good", "nice", "fine", "perfect", "ideal", "appreciated", "welcome")
_SMALL_WORDS: Final[tuple[tuple[Kind, str, str], ...]] = (
    ("negation", "not", "|".join(f"{verb}n't|{verb}nt" for verb in _NEGATING_VERBS)),
    ("negation", "not", "not|never|non|neither|nor|cannot|can't|cant|anything but|far from|not at all|not that|by no means|in no "
     "way"),
    ("absence", "none", "|".join(f"{verb}n't have|{verb}nt have" for verb in _NEGATING_VERBS)),
    ("absence", "none", "|".join(f"{no} {what} {having}" for no in _EXCLUDING for what in _ANYTHING for having in _HAVING)),
    ("absence", "none", "nothing with|nothing containing|not interested in"),
    ("word", "undecided", "with or without|regardless of|irrespective of|independent of|need not be|does not have to be|doesn't have to "
     "be|no particular|no specific"),
    ("word", "undecided", "|".join(f"no {word}{s} {on}" for word in _CONDITIONS for s in ("", "s") for on in ("on", "for"))),
    ("absence", "none", "cannot have|can't have|cant have|never have|no|without|free of|free from|lacking|lacks|devoid of|excluding|exclude|excludes|avoid|avoiding|absence "
     "of|except|zero content of|w o|not contain|not containing|not include|no any|not contain any|must not contain|minus|does "
     "not contain|don't include|do not include|not have|not having|does not have|should not contain|not any|leave out|omit|"
     "omitting|sans|free|must not have|not include any|nothing|none of|none|excluded|forbidden|prohibited|not allowed|not permitted|"
     "unwanted|not wanted|false|everything but|any element but|all elements but|all elements except"),
    ("filler", "", "up to you|up to me|hydrogens counted|counting hydrogens|including hydrogens|hydrogens included|including hydrogen"),
    ("plusminus", "±", "plus or minus|plus minus|give or take|pm"),
    ("only", "only", "only|solely|exclusively|purely|nothing but|made up of only|nothing other than"),
    ("within", "within", "within|to within"),
    ("top", "top", "top|upper|uppermost"),
    ("top", "bottom", "bottom|lowermost"),
    *(("fraction", word, word) for word in FRACTIONS),
    ("fraction", "half", "median"),
    ("scale", "normalised", "normalised|normalised value|normalised unit|standardised|z score|z value|standardised value|"
     "normalised scale"),
    ("soft", "and", "and|or|as well as|plus|along with|together with|in combination with"),
    ("hard", "with", "with|whose|having|has|have|but|which|that|where|while|yet|however"),
    ("link", "is", "|".join(f"{that} {verb}" for that in ("that", "which") for verb in ("is", "are", "should be", "must be", "be"))),
    ("filler", "", "|".join(f"{verb} {praise}" for verb in ("would be", "be", "sounds") for praise in _PRAISES)),
    ("link", "is", "of|is|as|be|are|at|being|to be|should be|must be"),
    ("range", "to", "to|through|till|until"),
)  # fmt: skip


def senses() -> dict[tuple[str, ...], tuple[Kind, str]]:
    """Return what each phrase of the lexicon means: its kind and meaning, by its words; where two claim one, the first has it."""
    named: list[tuple[Kind, str, list[str]]] = [
        ("property", prop.key, [prop.name, prop.symbol, *prop.synonyms]) for prop in PROPERTIES
    ]
    named += [("adjective", adjective, [adjective]) for adjective in ADJECTIVES]
    named += [("count", count, names.split("|")) for count, names in (ELEMENTS | COUNTS).items()]
    named += [("flag", flag, names.split("|")) for flag, names in FLAGS.items()]
    named += [("extreme", end, names.split("|")) for end, names in _EXTREMES.items()]
    orbitals = [f"{the}homo {{}} {the}lumo" for the in ("", "the ")]
    named += [("filler", "", [f"between {both.format('and')}", f"from {both.format('to')}"]) for both in orbitals]
    named += [("compare", op, several.split("|")) for op, several in COMPARISONS.items()]
    named += [("level", str(level), phrases(several)) for level, several in LEVEL_WORDS.items()]
    named += [
        ("level", str(level), [f"{more} than {usual}" for more in comparatives for usual in AVERAGE])
        for level, comparatives in COMPARATIVES.items()
    ]
    named += [("degree", "strong", phrases(STRONG)), ("degree", "mild", phrases(MILD))]
    named += [(kind, meaning, several.split("|")) for kind, meaning, several in _SMALL_WORDS]
    found: dict[tuple[str, ...], tuple[Kind, str]] = {}
    for kind, meaning, several in named:
        for phrase in several:
            for spelt in {phrase, phrase.replace(" than", " then")}:
                found.setdefault(words_of(spelt), (kind, meaning))
    return found


SENSES: Final = senses()
"""What each phrase means; what means several things by its place is settled by the lexer and by those who read its tokens."""

LONGEST: Final = {phrase[0]: len(phrase) for phrase in sorted(SENSES, key=len)}
"""Words of the longest phrase that begins with a word."""
