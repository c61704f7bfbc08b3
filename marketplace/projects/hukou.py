"""Wording that would keep people out by household registration (户籍, hukou).

No field of a project can do so; free text could try. The author is told, and so is the officer who opens the
project. Clauses that say the opposite ("不限户籍") or help with the papers ("协助办理户口登记") are no such wording.
"""

import re
import unicodedata

_TERM = r"(?:户籍|户口|戶籍|戶口|hukou|户口本|户口簿)"
_PLACE = (
    r"(?:本地|本市|本区|本县|本省|本乡|本镇|本村|本街道|本社区|本辖区|本自治区|当地|属地|辖区内?|区内|市内|县内|自治区"
    r"|城镇|城市|农村|农业|非农业|宁夏|[一-鿿]{1,6}(?:省|市|区|县|镇|乡))"
)
_REGISTRATION = r"(?:hukou|household registration|registered residence)"
_ONLY = r"(?:仅|只|限|须|需|必须|应当|应为|要求|具有|具备|持有?|拥有|属于)"
_SHUT = r"(?:除外|不予|不得|不受理|不接受|不接待|不收|不能|不在|恕不|谢绝|勿)"
_STRANGER = r"(?:外地|外来|外省|外市|外县|非本地|非本市|非本区|非本县|非当地|非宁夏|流动)"

_TRIES = re.compile(
    "|".join(
        (
            rf"{_PLACE}的?(?:居民|常住|城镇|农村|农业|非农业|非农)*{_TERM}",
            rf"{_ONLY}.{{0,12}}{_TERM}",
            rf"{_TERM}.{{0,8}}(?:优先|方可|才可|才能|为准|限制|要求|须|必须|需|在本|在当地|在宁夏|{_SHUT}|满.{{1,3}}年)",
            rf"{_STRANGER}(?:人员|人口|户籍|户口|务工人员|人)?.{{0,6}}{_SHUT}",
            r"(?:仅限|只限|限|只收|仅收|只帮|只面向|仅面向)(?:本地|本市|本区|本县|当地|宁夏)人(?!员|群)",
            rf"\b(?:local|native|ningxia|urban|rural)[- ]{_REGISTRATION}",
            rf"\b(?:must|needs? to|only|requires?|required|with|holding)\b.{{0,40}}\b{_REGISTRATION}\b",
            rf"\b{_REGISTRATION}\b.{{0,30}}\b(?:only|required|must|first|priority|needed)\b",
            r"\b(?:locals|local people|local residents registered here) only\b",
            r"\b(?:no|not for|except|excluding) (?:non-?locals|outsiders|migrants|migrant workers)\b",
        )
    ),
    re.IGNORECASE,
)
_WELCOMES = re.compile(
    "|".join(
        (
            rf"(?:不限|不分|不论|无论|不问|不看|不以|不考虑|不受|不设|不作|不要求|不需要?|无需|无须|不必|没有|无).{{0,8}}{_TERM}",
            rf"{_TERM}.{{0,6}}(?:不限|均可|都可|皆可|也可|亦可|同样|一视同仁|不作|不是|不影响|不做)",
            rf"(?:包括|欢迎|面向){_STRANGER}.{{0,4}}{_TERM}",
            rf"{_STRANGER}.{{0,4}}{_TERM}?.{{0,4}}(?:均可|都可|皆可|也可|亦可|同样|欢迎|一视同仁)",
            r"regardless of|whatever (?:the|their|your)|no matter|is not needed",
            rf"\b(?:any|no|no local|without|without (?:a|any|local|a local)) {_REGISTRATION}",
            rf"{_REGISTRATION}[a-z ]{{0,20}}(?:not|no) (?:required|needed|limit|matter|part)",
        )
    ),
    re.IGNORECASE,
)
_REFUSES = re.compile(rf"(?:没有|无|非|未).{{0,8}}{_TERM}.{{0,8}}{_SHUT}")
_CLAUSE = re.compile(r"[。．！？!?；;，,、：:\n\r（）()【】]|\.(?=\s|$)")
_BETWEEN_HAN = re.compile(r"(?<=[一-鿿])\s+(?=[一-鿿])")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufeff]")


def hukou_wording(text: str) -> list[str]:
    """The clauses of a text that would keep people out by household registration, in their order, each once.

    A hint for people, not a judge: it knows the common phrases of Chinese and English and reads clause by clause.
    """
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    clauses = (_BETWEEN_HAN.sub("", clause).strip() for clause in _CLAUSE.split(plain))
    return list(dict.fromkeys(clause for clause in clauses if _keeps_out(clause)))


def _keeps_out(clause: str) -> bool:
    if _REFUSES.search(clause):
        return True
    return bool(_TRIES.search(clause)) and not _WELCOMES.search(clause)
