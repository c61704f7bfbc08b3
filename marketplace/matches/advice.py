"""What helps against each reason for which a need is not served."""

from matching.reasons import Reason

ADVICE = {
    Reason.NO_CATEGORY: ("发动机构提供这类服务", "find an organization that offers this category"),
    Reason.NO_REGION: ("请同类机构把服务扩展到这个地区", "ask those who offer it to serve this region too"),
    Reason.TOO_FAR: ("请较近的机构参与，或扩大服务半径", "find someone nearer, or widen the radius"),
    Reason.GROUP: ("请机构放宽人群限制", "ask the organization to open it to more groups"),
    Reason.QUALIFICATION: ("邀请有资质的机构或人员", "invite someone with the qualification"),
    Reason.DATES: ("延长有效期，或与家庭重新商定期限", "extend the validity, or agree on a new deadline"),
    Reason.CAPACITY_TAKEN: ("增加名额", "add capacity"),
    Reason.NO_CAPACITY: ("增加名额", "add capacity"),
    Reason.BUDGET: ("追加预算", "add to the budget"),
    Reason.BUNDLE: ("拆分套餐，或补齐其中缺少的一项", "split the bundle, or add what it lacks"),
    Reason.WHOLE: ("允许由几家共同满足", "let several serve it together"),
    Reason.MINIMUM_BATCH: ("降低最小批量，或合并需求", "lower the minimum batch, or gather more needs"),
    Reason.EXCLUSION: ("增加另一家可选的机构", "find another organization for one of the two"),
    Reason.HELD: ("下一次匹配再看，或请社工申请破例", "look again at the next run, or have an exception asked for"),
    Reason.NOT_PROVEN: ("放宽时间上限再匹配一次", "match again with more time"),
}
"""What helps against each reason, in Chinese and English."""

_BY_CODE = {reason.code: words for reason, words in ADVICE.items()}


def text(code: str, *, english: bool) -> str:
    """What helps against a reason; empty for a reason that the library does not know."""
    return _BY_CODE.get(code, ("", ""))[english]
