"""The words of the grammar: phrases and what they mean."""

import re
from typing import Final, Literal

from t2d_mol.properties import PROPERTIES


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


Kind = Literal[
    "property", "count", "flag", "adjective", "level", "extreme", "degree", "number", "unit", "compare", "less", "plusminus",
    "range", "scale", "negation", "absence", "only", "within", "top", "percent", "fraction", "soft", "hard", "link", "filler",
    "word",
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
    "usual|in between|mid range|middle of the road|of average size|medium sized|moderately sized|run of the mill|standard|so so",
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

STRONG: Final = (
    "very extremely exceptionally super ultra highly really remarkably unusually exceedingly incredibly extraordinarily "
    "strongly especially extra hugely truly immensely tremendously enormously awfully terribly particularly|ever so"
)
"""Degrees that push a level outwards, low to very low and high to very high."""

MILD: Final = (
    "fairly rather quite relatively somewhat moderately slightly reasonably comparatively pretty kinda weakly mildly overly "
    "too|sort of|kind of|a bit|a little|all that"
)
"""Degrees that leave a level as it is."""

ADJECTIVES: Final = {
    "polarizable": ("alpha", 3),
    "polar": ("mu", 3),
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
    "<=": "at most|at the most|up to|no more than|not more than|no greater than|not greater than|no higher than|not higher "
    "than|no larger than|not larger than|not above|not over|not exceeding|does not exceed|not exceed|must not exceed|maximum "
    "of|max|max of|capped at|less than or equal to|smaller than or equal to|lower than or equal to|no bigger than|not bigger "
    "than|limited to|or less|or fewer|or lower|or below|or smaller|and below|and lower|or under|at max|never above|max|nothing "
    "above|ceiling of|upper limit of|upper bound of|not to exceed|tops|never exceeding|without exceeding|stay below|not "
    "surpassing|and under|or so at most",
    "<": "less than|lower than|smaller than|fewer than|below|under|beneath|underneath|inferior to|short of|weaker than|narrower "
    "than|deeper than|shy of|stays below",
    ">=": "at least|at the least|no less than|not less than|no lower than|not lower than|no smaller than|not smaller than|not "
    "below|not under|minimum of|min|min of|greater than or equal to|more than or equal to|higher than or equal to|larger than "
    "or equal to|or more|or higher|or above|or greater|or larger|and above|and higher|and more|and up|or over|starting "
    "from|starting at|upwards of|no fewer than|not fewer than|or better|and over|at min|from ... up|nothing below|floor of|lower "
    "limit of|lower bound of|never below|upward of|not smaller|or bigger",
    ">": "more than|greater than|higher than|larger than|bigger than|above|over|beyond|exceeding|exceeds|exceed|in excess of|"
    "superior to|surpassing|surpasses|upper than|stronger than|wider than|north of|past|stays above",
    "=": "equal to|equals|equal|approximately|approx|about|around|roughly|near|nearly|close to|exactly|precisely|circa|ca|c a|"
    "some|of about|in the vicinity of|in the neighbourhood of|in the region of|on the order of|of the order of|nearby|"
    "somewhere around|somewhere near|ballpark|almost|targeting|aiming for|target|set to|fixed at|aim for|right around|or so|"
    "neighbouring|thereabouts|in the ballpark of|nominally",
    "between": "in the range|in the range of|between|from|ranging|range|in the interval|ranging from|ranges from|within the "
    "range|in between|somewhere between|anywhere between|anywhere from|within the interval|in a range|window|inside|in",
}
"""Comparisons in words; `<=` and `<` differ for counts only."""

SYMBOLS: Final = {
    "<=": "<=", "≤": "<=", "=<": "<=", "⩽": "<=", "≦": "<=", "<": "<", ">=": ">=", "≥": ">=", "=>": ">=", "⩾": ">=", "≧": ">=",
    ">": ">", "=": "=", "==": "=", "≈": "=", "~": "=", "≃": "=", "≅": "=", "∼": "=", "~=": "=", "≳": ">", "≲": "<", "≫": ">",
    "≪": "<", ">>": ">", "<<": "<",
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
    "cyclic": "cyclic|ring containing|ring bearing",
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

UNIT_SPELLINGS: Final = {
    "percentile": r"(?:st|nd|rd|th)?[\s-]*(?:percentiles?|centiles?|pctl|%-?ile)\b",
    "Bohr^3": r"(?:cubic\s+bohrs?|bohrs?[\s-]*(?:\^\s*3|\*\*\s*3|3\b|cubed)|bohrs?\b|"
    r"a_?0\s*(?:\^|\*\*)?\s*3)",
    "a.u.": r"(?:a\.\s?u\.?|au\b|atomic\s+units?)",
    "Å^3": r"(?:(?:å|angstroms?|ångströms?|angstroems?|ang|a)\s*(?:(?:\^|\*\*)\s*3|3\b|-?cubed)|cubic\s+(?:å|[aå]ngstr[oö]e?ms?))",
    "Hartree": r"(?:hartrees?|ha\b|e_?h\b|hartee\b)",
    "meV": r"(?:mev\b|milli\s?-?electron\s?-?volts?)",
    "eV": r"(?:e\.?v\b\.?|electron\s?-?volts?)",
    "kJ/mol/K": r"(?:kj\s*(?:/|per\s+)?\s*\(?\s*mol(?:e\b)?\s*(?:\^?-1)?\s*(?:/|·|\*|⋅|\.|per)?\s*k(?:elvin)?\b\s*(?:\^?-1)?\s*\)?)",
    "kJ/mol": r"(?:kj\s*(?:/|per\s+)?\s*mol(?:e\b)?(?:\s*\^?-1)?|kilojoules?\s*(?:/|per)\s*mole?)",
    "kcal/mol": r"(?:kcals?\s*(?:/|per\s+)?\s*mol(?:e\b)?(?:\s*\^?-1)?|kilocalories?\s*(?:/|per)\s*mole?)",
    "cm^-1": r"(?:cm\s*(?:\^|\*\*)?\s*\(?\s*-\s*1\)?|wavenumbers?|inverse\s+(?:cm|centimet(?:re|er)s?)|1/cm|"
    r"reciprocal\s+centimet(?:re|er)s?)",
    "C·m": r"(?:c\s*[·*⋅.]?\s*m\b|coulombs?[\s-]*met(?:re|er)s?)",
    "e·a0": r"(?:e\s*[·*⋅.-]?\s*(?:a_?0\b|bohrs?\b))",
    "e·Å": r"(?:e\s*[·*⋅.-]?\s*(?:å|angstroms?|ångströms?|ang\b)|electron[\s-]*[aå]ngstr[oö]ms?)",
    "cal/mol/K": r"(?:cal(?:ories?)?\s*(?:/|per|·|\*|⋅)?\s*\(?\s*mol(?:e\b)?\s*(?:\^?-1)?\s*(?:/|·|\*|⋅|\.|per)?\s*k(?:elvin)?\b"
    r"\s*(?:\^?-1)?\s*\)?|cal\s*/\s*\(?k\s*[·*⋅/.]?\s*mol\)?|cal\s*k\s*\^?-1\s*mol\s*\^?-1)",
    "J/mol/K": r"(?:j(?:oules?)?\s*(?:/|per|·|\*|⋅)?\s*\(?\s*mol(?:e\b)?\s*(?:\^?-1)?\s*(?:/|·|\*|⋅|\.|per)?\s*k(?:elvin)?\b"
    r"\s*(?:\^?-1)?\s*\)?|j\s*/\s*\(?k\s*[·*⋅/.]?\s*mol\)?|j\s*k\s*\^?-1\s*mol\s*\^?-1)",
    "D": r"(?:debyes?\b|deb\b|d\b)",
    "K": r"(?:k(?:elvin)?\b|°\s*c\b|degrees?\b)",
    "%": r"(?:%|percent\b|per\s+cent\b|pct\b)",
}
"""How the units of `units.UNIT_FACTORS` may be written after a number; `percentile`, `%` and the temperature `K` are none."""

UNIT_WORDS: Final = _set("""
hartree hartrees debye debyes bohr electronvolt electronvolts angstrom calories joule
""")
"""Units that are long enough to be misspelt."""

FILLERS: Final = _set("""
a an the of value values as its it in molecule molecules that has have having for please whose energy energies level
levels generate give me make create compound compounds structure structures some which to be is are should at i want
need this these those there their them they we us our you your my mine one ones any each every all both can could would
will shall may might must like wish wishes find show get getting got design propose suggest produce suggestions return
looking look looks searching search seeking seek after send build provide hello hi hey dear thanks thank thx pls plz
kindly regards cheers property properties calculated predicted computed roughly also plus together along combined
combination simultaneously where when while if then what whats how about on by from into onto per do does did done am
was were been being so such same set ideally preferably possibly maybe perhaps let lets go around kind type something
anything thing things else other another here now still too just really quite amount magnitude number numbers expected
expecting desired desire target targets targeting required requires require requirement requirements criteria constraint
constraints prefer preferred interested keep keeping kept organic chemical species system systems overall total moiety
atomistic geometry geometries 3d conformation sits sitting lies lying stay stays staying remain remains far possible
case side range ranges exhibiting exhibits exhibit showing shows displaying displays featuring features feature
possessing possesses possess containing contains contain contained include includes including included bearing bear
bears carrying carries comes coming come characterised characterized characterise say says said well enough fine ok okay
good great best perfect nice nicely help needs needed wants wanted using use used unit units qm9 dataset data known id
ill im ive youre theres sir madam team folks everyone someone dr prof only even though although because since than more
less most least very much many lot fairly rather mol mols kelvin temperature room constant volume absolute relative
substance substances candidate candidates hits small example examples e g i.e eg ie etc namely respectively made built
consisting consist consists composed comprised comprising present presence inside within substituent substituents
""")
"""Words that carry no wish and are not reported as unknown."""

ALIKE: Final = _set("""
home hear heart heat wave grid mean means model models most mode modern last list lasts like line links thick both bond
bonds bound bounds hard hand hold more note rings rang rung large charge charges change oven even ever carton light
might night eight right sight fight weight height lot lots load slow show shown flow blow law lawn mail male must polar
solar molar modal medal nodal board road heavy heaven leave leaves lively gas gasp grape group groups smell smaller
stable table able ability stability liquid solid state store story start reaction reactive reactant battery solvent
donor acceptor catalyst polymer organic drug drugs dyes photon film cell cells hot cold salty sour sweet taste toxic
colour color blue red green water soluble drawn than then them there this these those what with when from form forms
front room long wrong value values where were here have give gives live life time take make come some same name game
lame hopes homes hose host house horse horses
""")
"""Words that are near a known one and are themselves."""


def phrases(text: str) -> list[str]:
    """Split a list of phrases: those of one word stand apart by spaces before the first bar, the others between bars."""
    singles, *others = text.split("|")
    return [*singles.split(), *(other.strip() for other in others)]


def words_of(phrase: str) -> tuple[str, ...]:
    """Return the words of a phrase as the lexer normalises them: lower case, American spelling, no hyphens."""
    return tuple(spelling(word) for word in re.split(r"[\s\-–/_]+", phrase.lower()) if word)


def spelling(word: str) -> str:
    """Return the American spelling of a lower-case word."""
    return re.sub(r"is(e[ds]?|ing|ab(?:le|ility|ilities)|ation)$", r"iz\1", word) if len(word) > 5 else word


def senses() -> dict[tuple[str, ...], tuple[Kind, str]]:
    """Return what each phrase of the lexicon means: its kind and meaning, by its words."""
    found: dict[tuple[str, ...], tuple[Kind, str]] = {}

    def add(kind: Kind, meaning: str, several: list[str]) -> None:
        for phrase in several:
            found.setdefault(words_of(phrase), (kind, meaning))

    for prop in PROPERTIES:
        add("property", prop.key, [prop.name, prop.symbol, *prop.synonyms])
    for adjective in ADJECTIVES:
        add("adjective", adjective, [adjective])
    for symbol, names in ELEMENTS.items():
        add("count", symbol, names.split("|"))
    for count, names in COUNTS.items():
        add("count", count, names.split("|"))
    for flag, names in FLAGS.items():
        add("flag", flag, names.split("|"))
    add("extreme", "low", ["minimum", "min", "minimal", "lower limit", "lower bound", "floor", "lower limit on"])
    add("extreme", "high", ["maximum", "max", "maximal", "upper limit", "upper bound", "ceiling", "cap", "upper limit on"])
    add(
        "filler",
        "",
        [
            f"{link} {the}homo {join} {the}lumo"
            for link, join in (("between", "and"), ("from", "to"))
            for the in ("", "the ")
        ],
    )
    for op, several in COMPARISONS.items():
        add("compare", op, several.split("|"))
    for level, several in LEVEL_WORDS.items():
        add("level", str(level), phrases(several))
    add("degree", "strong", phrases(STRONG))
    add("degree", "mild", phrases(MILD))
    verbs = ("is", "does", "do", "can", "should", "wo", "must", "are", "need", "would", "has", "have")
    add("negation", "not", [f"{verb}n{mark}t" for verb in verbs for mark in ("'", "")])
    add("negation", "not", ["not", "never", "non", "neither", "nor", "cannot", "can't", "cant", "anything but", "far from"])
    add("absence", "none", [
        "no", "without", "free of", "free from", "lacking", "lacks", "devoid of", "excluding", "exclude", "excludes", "avoid",
        "avoiding", "absence of", "except", "zero content of", "w o", "not contain", "not containing", "not include", "no any",
        "not contain any", "must not contain", "minus", "does not contain", "don't include", "do not include", "not have",
        "not having", "does not have", "should not contain", "not any", "leave out", "omit", "omitting", "sans", "free",
        "must not have", "not include any", "nothing", "none of",
    ])  # fmt: skip
    add("plusminus", "±", ["plus or minus", "plus minus", "give or take", "pm"])
    add("only", "only", ["only", "solely", "exclusively", "purely", "nothing but", "made up of only", "nothing other than"])
    add("within", "within", ["within", "to within"])
    add("top", "top", ["top", "upper", "highest", "uppermost"])
    add("top", "bottom", ["bottom", "lower", "lowest", "lowermost"])
    for word in FRACTIONS:
        add("fraction", word, [word])
    add("fraction", "half", ["median"])
    add(
        "scale",
        "normalised",
        [
            "normalised",
            "normalised value",
            "normalised unit",
            "standardised",
            "z score",
            "z value",
            "standardised value",
            "normalised scale",
        ],
    )
    add("soft", "and", ["and", "or", "as well as", "plus", "along with", "together with", "in combination with"])
    add(
        "hard",
        "with",
        ["with", "whose", "having", "has", "have", "but", "which", "that", "where", "while", "yet", "however"],
    )
    add(
        "link",
        "is",
        [f"{that} {verb}" for that in ("that", "which") for verb in ("is", "are", "should be", "must be", "be")],
    )
    add(
        "filler",
        "",
        [
            f"{verb} {praise}"
            for verb in ("would be", "be", "sounds")
            for praise in ("great", "good", "nice", "fine", "perfect", "ideal", "appreciated", "welcome")
        ],
    )
    add("link", "is", ["of", "is", "as", "be", "are", "at", "equals", "being", "to be", "should be", "must be"])
    add("range", "to", ["to", "and", "through", "till", "until", "up to"])
    return found


# words that mean several things by their place are settled by the lexer and by `quantities`
SENSES: Final = senses()
LONGEST: Final = max(len(phrase) for phrase in SENSES)
