"""Unified social credit codes of organizations (GB 32100-2015): eighteen characters, the last a check.

The check character follows GB/T 17710: the weighted sum of all values is 0 modulo 31, with the weight of
position i (from 0) being 3^i modulo 31. The letters I, O, S, V and Z are not used.
"""

import unicodedata

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
LENGTH = 18
_MODULUS = len(ALPHABET)
_WEIGHTS = tuple(pow(3, position, _MODULUS) for position in range(LENGTH - 1))


def check_character(body: str) -> str:
    """The check character of the first seventeen characters of a code.

    Raises:
        ValueError: the body does not have seventeen characters of the alphabet.
    """
    if len(body) != LENGTH - 1 or any(character not in ALPHABET for character in body):
        raise ValueError("the body of a unified social credit code has 17 characters of 0-9 and A-Y without I, O, S, V")
    total = sum(weight * ALPHABET.index(character) for weight, character in zip(_WEIGHTS, body, strict=True))
    return ALPHABET[-total % _MODULUS]


def normalise(text: str) -> str:
    """The code as it is stored: half-width capitals without blanks; validity is not looked at."""
    return "".join(unicodedata.normalize("NFKC", text).upper().split())


def is_valid(code: str) -> bool:
    """Whether a normalised code has the right length, alphabet and check character."""
    if len(code) != LENGTH or any(character not in ALPHABET for character in code):
        return False
    return check_character(code[:-1]) == code[-1]
