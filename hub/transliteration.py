"""How names in other alphabets are written in A to Z.

Tables after ICAO Doc 9303 part 3, section 6 (A Latin, B Cyrillic, C Arabic); Greek, which has no table there, after
ELOT 743 as Greek passports use it. Where a table allows several ways, or differs by language, each way is a *style*
and a word has one form a style. No comparison lives here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Final

# A. Latin. Letters that are a base letter and a mark are not listed: the mark is dropped (Doc 9303-3, 6.A).
_LATIN: Final = {
    "Ä": "AE", "Å": "AA", "Æ": "AE", "Ð": "D", "Đ": "D", "Ħ": "H", "Ĳ": "IJ", "Ŀ": "L", "Ł": "L", "Ŋ": "N",
    "Ø": "OE", "Ö": "OE", "Œ": "OE", "Ŧ": "T", "Þ": "TH", "Ü": "UE", "ẞ": "SS", "ß": "SS", "ı": "I", "Ə": "E",
}  # fmt: skip
_LATIN_PLAIN: Final = {"Ä": "A", "Å": "A", "Ø": "O", "Ö": "O", "Ü": "U"}
_LATIN_ESCAPED: Final = {"Ñ": "NXX", "Ü": "UXX"}

# B. Cyrillic; "^" marks what a letter becomes at the start of a word.
_CYRILLIC: Final = {
    "Ё": "E", "Ђ": "D", "Ѓ": "G", "Є": "IE", "Ѕ": "DZ", "І": "I", "Ї": "I", "Ј": "J", "Љ": "LJ", "Њ": "NJ", "Ћ": "C",
    "Ќ": "K", "Ў": "U", "Џ": "DZ", "А": "A", "Б": "B", "В": "V", "Г": "G", "Д": "D", "Е": "E", "Ж": "ZH", "З": "Z",
    "И": "I", "Й": "I", "К": "K", "Л": "L", "М": "M", "Н": "N", "О": "O", "П": "P", "Р": "R", "С": "S", "Т": "T",
    "У": "U", "Ф": "F", "Х": "KH", "Ц": "TS", "Ч": "CH", "Ш": "SH", "Щ": "SHCH", "Ъ": "IE", "Ы": "Y", "Ь": "",
    "Э": "E", "Ю": "IU", "Я": "IA", "Ѫ": "U", "Ѵ": "Y", "Ґ": "G", "Ғ": "G", "Һ": "C",
}  # fmt: skip
_UKRAINIAN: Final = {"Г": "H", "И": "Y", "^Є": "YE", "^Ї": "YI", "^Й": "Y", "^Ю": "YU", "^Я": "YA"}
_BELARUSIAN: Final = {"Г": "H", "Ё": "IO"}
_SERBIAN: Final = {"Г": "H", "Ж": "Z", "Х": "H", "Ц": "C", "Ч": "C", "Ш": "S"}
_SERBIAN_WITH_G: Final = {"Ж": "Z", "Х": "H", "Ц": "C", "Ч": "C", "Ш": "S"}  # as Serbian passports print it
_MACEDONIAN: Final = {"Ѓ": "GJ", "Ќ": "KJ", "Џ": "DJ", "Х": "H", "Ц": "C", "Ғ": "GJ"}
_BULGARIAN: Final = {"Щ": "SHT"}

# C. Arabic script as in a machine readable zone: consonants, with X before what A to Z lacks.
_ARABIC: Final = {
    "ء": "XE", "آ": "XAA", "أ": "XAE", "ؤ": "U", "إ": "I", "ئ": "XI", "ا": "A", "ب": "B", "ة": "XTA", "ت": "T",
    "ث": "XTH", "ج": "J", "ح": "XH", "خ": "XKH", "د": "D", "ذ": "XDH", "ر": "R", "ز": "Z", "س": "S", "ش": "XSH",
    "ص": "XSS", "ض": "XDZ", "ط": "XTT", "ظ": "XZZ", "ع": "E", "غ": "G", "ـ": "", "ف": "F", "ق": "Q", "ك": "K",
    "ل": "L", "م": "M", "ن": "N", "ه": "H", "و": "W", "ى": "XAY", "ي": "Y", "ٱ": "XXA", "ٹ": "XXT", "ټ": "XRT",
    "پ": "P", "ځ": "XKE", "څ": "XXH", "چ": "XC", "ڈ": "XXD", "ډ": "XDR", "ڑ": "XXR", "ړ": "XRR", "ږ": "XRX",
    "ژ": "XJ", "ښ": "XXS", "ک": "XKK", "ګ": "XXK", "ڭ": "XNG", "گ": "XGG", "ں": "XNN", "ڼ": "XXN", "ھ": "XDO",
    "ہ": "XXG", "ۂ": "XGE", "ۀ": "XYH", "ۃ": "XTG", "ی": "XYA", "ۍ": "XXY", "ې": "Y", "ے": "XYB", "ۓ": "XBE",
}  # fmt: skip
_TEH_MARBUTA: Final = "ة"
_SHADDA: Final = "ّ"

# Greek, ELOT 743: pairs first; a vowel and upsilon depend on the sound that follows.
_GREEK: Final = {
    "ΟΥ": "OU", "^ΜΠ": "B", "ΜΠ": "MP", "ΓΓ": "NG", "ΓΞ": "NX", "ΓΧ": "NCH",
    "Α": "A", "Β": "V", "Γ": "G", "Δ": "D", "Ε": "E", "Ζ": "Z", "Η": "I", "Θ": "TH", "Ι": "I", "Κ": "K", "Λ": "L",
    "Μ": "M", "Ν": "N", "Ξ": "X", "Ο": "O", "Π": "P", "Ρ": "R", "Σ": "S", "Τ": "T", "Υ": "Y", "Φ": "F", "Χ": "CH",
    "Ψ": "PS", "Ω": "O",
}  # fmt: skip
_GREEK_BEFORE_UPSILON: Final = {"Α": "A", "Ε": "E", "Η": "I"}
_GREEK_VOICELESS: Final = frozenset("ΘΚΞΠΣΤΦΧΨ")

_BASE: Final = _LATIN | _CYRILLIC | _ARABIC | _GREEK

STYLES: Final[Mapping[str, dict[str, str]]] = {
    "ICAO 9303-3": {},
    "base letters": _LATIN_PLAIN,
    "ICAO escapes": _LATIN_ESCAPED,
    "Ukrainian": _UKRAINIAN,
    "Belarusian": _BELARUSIAN,
    "Serbian": _SERBIAN,
    "Serbian passports": _SERBIAN_WITH_G,
    "Macedonian": _MACEDONIAN,
    "Bulgarian": _BULGARIAN,
}
"""Name of each style and what it writes otherwise than the base tables."""


def forms(word: str) -> tuple[str, ...]:
    """Return every way in which a word may stand in a document in A to Z.

    Args:
        word: One word without spaces or hyphens, in any case and script.

    Returns:
        At least one form, without repeats, the base tables' first. Letters of scripts without a table here are kept
        as they are, so that a name in such a script still equals itself.
    """
    word = unicodedata.normalize("NFC", word).upper()
    if word.isascii():
        return (word,)
    return tuple(dict.fromkeys(_write(word, _BASE | style) for style in STYLES.values()))


def _write(word: str, table: Mapping[str, str]) -> str:
    bare = "".join(map(_without_marks, word))
    out: list[str] = []
    place = 0
    while place < len(word):
        step, text = _next(word, bare, place, table)
        if text == _SHADDA:  # doubles the letter before it, not the X that marks a letter
            text = out[-1].removeprefix("X") if out else ""
        if text:
            out.append(text)
        place += step
    return "".join(out)


def _next(word: str, bare: str, place: int, table: Mapping[str, str]) -> tuple[int, str]:
    """Return how many letters the next step takes, and what it writes."""
    letter, pair = word[place], bare[place : place + 2]
    if letter == _SHADDA:
        return 1, _SHADDA
    if letter == _TEH_MARBUTA and place == len(word) - 1:
        return 1, "XAH"
    if len(pair) == 2:
        if pair[0] in _GREEK_BEFORE_UPSILON and word[place + 1] in "ΥΎ":
            voiceless = place + 2 >= len(word) or bare[place + 2] in _GREEK_VOICELESS
            return 2, _GREEK_BEFORE_UPSILON[pair[0]] + ("F" if voiceless else "V")
        if place == 0 and f"^{pair}" in table:
            return 2, table[f"^{pair}"]
        if pair in table:
            return 2, table[pair]
    if place == 0 and f"^{letter}" in table:
        return 1, table[f"^{letter}"]
    if letter in table:
        return 1, table[letter]
    if unicodedata.combining(letter):
        return 1, ""
    return 1, table.get(bare[place], bare[place])


def _without_marks(letter: str) -> str:
    """Return a letter without its accents; one character for one character."""
    return unicodedata.normalize("NFD", letter)[0]
