"""Identity numbers of people (GB 11643-1999): shape, check digit, and what they say of birth and sex. Pure."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS = "10X98765432"


@dataclass(frozen=True, slots=True)
class IdNumber:
    """An identity number of 18 characters.

    Attributes:
        text: normalised.
        whole: its check digit fits. A wrong one is kept with a warning: papers may be misread, help must not wait.
        birth_on: None where the digits are no date.
        sex: F or M.
    """

    text: str
    whole: bool
    birth_on: date | None
    sex: str


def check_digit_fits(number: str) -> bool:
    """Whether the last character of 17 digits and a check character fits (ISO 7064 MOD 11-2)."""
    if re.fullmatch(r"\d{17}[\dX]", number) is None:
        return False
    remainder = sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=False)) % 11
    return _CHECK_DIGITS[remainder] == number[17]


def read(text: str) -> IdNumber:
    """An identity number as people type it: spaces, hyphens and a small x are fine.

    Raises:
        ValueError: not 17 digits and a check character.
    """
    number = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text)).upper()
    if re.fullmatch(r"[1-9]\d{16}[\dX]", number) is None:
        raise ValueError("an identity number has 17 digits and a digit or X")
    birth_on: date | None
    try:
        birth_on = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        birth_on = None
    return IdNumber(number, check_digit_fits(number), birth_on, "FM"[int(number[16]) % 2])
