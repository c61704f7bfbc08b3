"""Check characters of unified social credit codes."""

import pytest

from marketplace import credit_code

EXAMPLE = "91350100M000100Y43"


def test_a_widely_cited_code_is_valid() -> None:
    assert credit_code.is_valid(EXAMPLE)
    assert credit_code.check_character(EXAMPLE[:-1]) == "3"


def test_every_single_wrong_character_is_found() -> None:
    for position, right in enumerate(EXAMPLE):
        for character in credit_code.ALPHABET:
            if character != right:
                assert not credit_code.is_valid(EXAMPLE[:position] + character + EXAMPLE[position + 1 :])


@pytest.mark.parametrize("code", ["", EXAMPLE[:-1], EXAMPLE + "1", "I" + EXAMPLE[1:], EXAMPLE.lower()])
def test_wrong_shape_is_invalid(code: str) -> None:
    assert not credit_code.is_valid(code)


def test_body_of_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="17 characters"):
        credit_code.check_character("123")
    with pytest.raises(ValueError, match="17 characters"):
        credit_code.check_character("O" * 17)


def test_normalise_makes_typed_codes_comparable() -> None:
    assert credit_code.normalise(" 9135 0100 m000 100y 43 ") == EXAMPLE
    assert credit_code.normalise("９１350100M000100Ｙ43") == EXAMPLE
