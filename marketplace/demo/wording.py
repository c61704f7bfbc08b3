"""Texts of the demo world: micro-wishes and needs as a caseworker would write them, de-identified.

No text names a person, an address, a school or an illness: a wish is public once it is open.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WishText:
    """A wish with its variants; `who` is child, elder or adult, `value` the price in yuan."""

    who: str
    category: str
    value: int
    text: str
    variants: tuple[str, ...] = ("",)


@dataclass(frozen=True, slots=True)
class NeedText:
    """A kind of need that a family of an archetype may have.

    `quantity` and `unit_value` (yuan, 0 for services) are ranges; `weight` says how frequent it is.
    """

    family: str
    kind: str
    category: str
    titles: tuple[str, ...]
    quantity: tuple[int, int]
    requires: tuple[str, ...] = ()
    unit_value: tuple[int, int] = (0, 0)
    weight: int = 2


SHOE_SIZES = ("28码", "30码", "31码", "32码", "33码", "34码", "35码", "36码", "37码", "38码")
HEIGHTS = ("110厘米", "120厘米", "130厘米", "140厘米", "150厘米", "160厘米")
ADULT_SIZES = ("M号", "L号", "XL号", "XXL号")
COLOURS = ("蓝色", "红色", "灰色", "粉色")

WISHES = (
    WishText("child", "S1102", 139, "一双{}棉鞋", SHOE_SIZES),
    WishText("child", "S1102", 269, "一件{}的羽绒服", HEIGHTS),
    WishText("child", "S1102", 89, "一套{}的保暖内衣", HEIGHTS),
    WishText("child", "S1102", 99, "一条{}的加绒运动裤", HEIGHTS),
    WishText("child", "S1102", 149, "一双{}运动鞋", SHOE_SIZES),
    WishText("child", "S1102", 69, "一顶毛线帽和一副手套，{}", COLOURS),
    WishText("child", "S0803", 128, "一个护脊书包，{}", COLOURS),
    WishText("child", "S0803", 79, "一套{}", ("水彩笔和画纸", "毛笔和字帖", "彩泥和手工纸", "圆规尺子和文具盒")),
    WishText("child", "S0803", 168, "一盏护眼台灯"),
    WishText("child", "S0803", 119, "一本{}", ("新华字典和成语词典", "英汉词典", "中国地图册和世界地图册")),
    WishText("child", "S0803", 339, "一台能放课文录音的{}", ("复读机", "点读笔", "平板音箱")),
    WishText("child", "S0803", 299, "一套可以调高低的小书桌"),
    WishText("child", "S1105", 109, "一个{}", ("篮球", "足球", "排球", "魔方和九连环")),
    WishText("child", "S1105", 159, "一套{}", ("积木", "航天模型", "少儿百科图书", "科学实验盒", "四大名著少儿版")),
    WishText("child", "S1105", 398, "一辆{}的儿童自行车", ("14寸", "16寸", "18寸", "20寸")),
    WishText("child", "S1105", 99, "一副{}", ("羽毛球拍", "乒乓球拍", "象棋", "围棋")),
    WishText("child", "S1105", 189, "一件乐器：{}", ("口琴", "竖笛", "尤克里里", "非洲鼓")),
    WishText("child", "S1105", 129, "一个{}", ("毛绒小熊", "会唱歌的布娃娃", "遥控小汽车")),
    WishText("child", "S1106", 80, "想去{}看一看", ("科技馆", "博物馆", "动物园", "图书馆", "植物园")),
    WishText("child", "S1106", 160, "想在生日那天吃一个{}蛋糕", ("水果", "巧克力", "草莓")),
    WishText("child", "S1106", 120, "想{}", ("看一场电影", "学一次陶艺", "坐一次火车看黄河", "看一次沙湖的候鸟")),
    WishText("elder", "S1102", 198, "一床{}", ("加厚棉被", "羊毛毯", "驼绒褥子")),
    WishText("elder", "S1102", 109, "一双{}的防滑棉鞋", ("36码", "38码", "40码", "42码")),
    WishText("elder", "S1102", 129, "一件{}棉马甲", ADULT_SIZES),
    WishText("elder", "S1102", 119, "一套{}保暖内衣", ADULT_SIZES),
    WishText("elder", "S1102", 59, "一副{}", ("护膝", "护腰", "棉手套和围巾")),
    WishText("elder", "S1103", 138, "一根{}", ("四脚拐杖", "带灯的拐杖", "可以坐的拐杖凳")),
    WishText("elder", "S1103", 98, "一副{}老花镜", ("150度", "200度", "250度", "300度")),
    WishText("elder", "S1103", 228, "一把{}", ("洗澡椅", "坐便椅", "床边扶手")),
    WishText("elder", "S1104", 188, "一台{}", ("小电饭煲", "收音机", "电热水壶", "小暖风机", "电热毯", "电压力锅")),
    WishText("elder", "S1104", 89, "一个{}", ("床头小夜灯", "大字闹钟", "大按键电话机", "热水袋和暖手宝")),
    WishText("elder", "S1101", 138, "{}", ("一袋面粉和一桶食用油", "一袋大米和一箱鸡蛋", "一箱牛奶和一份杂粮")),
    WishText("elder", "S0304", 30, "想请人上门理一次发"),
    WishText("elder", "S0306", 80, "想请人修好{}", ("漏水的水龙头", "坏掉的插座", "关不严的窗户", "不亮的灯")),
    WishText("elder", "S0303", 90, "想请人帮忙{}", ("擦一次窗户", "清一次油烟机", "换季收拾一次衣被")),
    WishText("elder", "S1003", 0, "想学会用手机{}", ("和家人视频", "挂号", "交水电费", "听戏")),
    WishText("elder", "S0305", 0, "想请人陪着去一次{}", ("集市", "银行", "公园")),
    WishText(
        "elder",
        "S1106",
        150,
        "想{}",
        ("和老伙伴吃一次团圆饭", "拍一张像样的照片", "听一场秦腔", "过一次生日"),
    ),
    WishText("adult", "S1103", 168, "一个{}", ("减压坐垫", "轮椅雨披和小桌板", "便携坡道板", "语音提示闹钟")),
    WishText("adult", "S1104", 459, "一台{}", ("家用缝纫机", "小洗衣机", "迷你冰箱")),
    WishText("adult", "S1104", 239, "一套{}", ("理发工具", "十字绣绷架和材料", "电动缝补工具")),
    WishText("adult", "S1102", 219, "一件{}防寒外套", ADULT_SIZES),
    WishText("adult", "S1106", 100, "想{}", ("看一次话剧", "参加一次采摘", "和家人拍一张全家福")),
    WishText("adult", "S0101", 0, "想找人聊聊天，学着放松心情"),
)

CARER, NURSE, REHAB = ("Q-CARER",), ("Q-NURSE",), ("Q-REHAB",)
COUNSEL, PSYCH, LAWYER = ("Q-COUNSEL",), ("Q-PSYCH",), ("Q-LAWYER",)
CHILD_SAFE, CHILD_WORKER = ("Q-NOCRIME",), ("Q-SOCWORK", "Q-NOCRIME")

NEEDS = (
    NeedText(
        "elder_disabled",
        "service",
        "S0202",
        ("失能老人居家基础护理", "卧床老人换药与翻身护理"),
        (4, 10),
        CARER,
        weight=4,
    ),
    NeedText("elder_disabled", "service", "S0202", ("老人管路护理上门",), (2, 4), NURSE, weight=1),
    NeedText("elder_disabled", "service", "S0302", ("失能老人助浴", "行动不便老人上门洗澡"), (2, 6)),
    NeedText("elder_disabled", "service", "S0301", ("失能老人每日送餐", "午餐送到家"), (6, 10), weight=3),
    NeedText("elder_disabled", "goods", "S1103", ("轮椅一辆", "护理床一张"), (1, 1), unit_value=(80, 160)),
    NeedText(
        "elder_disabled",
        "service",
        "S1201",
        ("卫生间加装扶手", "门槛坡道与防滑改造"),
        (1, 1),
        unit_value=(150, 300),
    ),
    NeedText("elder_disabled", "service", "S0201", ("照护者休息期间的短期托养",), (3, 7), CARER, weight=1),
    NeedText("elder_disabled", "service", "S0205", ("夜间看护",), (2, 6), CARER, weight=1),
    NeedText("elder_disabled", "service", "S0402", ("就医接送，需要轮椅车",), (1, 4)),
    NeedText("elder_alone", "service", "S0101", ("独居老人每周探访", "独居老人冬季入户探访"), (4, 8), weight=4),
    NeedText("elder_alone", "service", "S0102", ("每日电话问候", "独居老人电话巡访"), (4, 10)),
    NeedText("elder_alone", "service", "S0303", ("入冬前打扫卫生", "老人家中助洁"), (1, 3)),
    NeedText("elder_alone", "service", "S0401", ("陪同复诊", "陪同体检"), (1, 3), weight=3),
    NeedText("elder_alone", "service", "S0403", ("每月代取药",), (2, 4), weight=1),
    NeedText("elder_alone", "service", "S1204", ("炉具与烟道安全检查", "安装一氧化碳报警器"), (1, 1), weight=3),
    NeedText("elder_alone", "goods", "S1101", ("过冬米面油", "米面粮油三份"), (1, 3), unit_value=(20, 30), weight=3),
    NeedText("elder_alone", "service", "S0104", ("紧急呼叫响应",), (1, 2), weight=1),
    NeedText("hard_child", "service", "S0702", ("家庭监护指导",), (2, 6), CHILD_WORKER),
    NeedText(
        "hard_child",
        "service",
        "S0801",
        ("课业辅导，每周两次", "数学和英语辅导"),
        (4, 10),
        CHILD_SAFE,
        weight=3,
    ),
    NeedText("hard_child", "service", "S0601", ("孩子的情绪疏导", "亲子沟通咨询"), (4, 8), COUNSEL),
    NeedText(
        "hard_child",
        "grant",
        "S0802",
        ("下学期助学金", "学年助学金"),
        (1, 1),
        unit_value=(150, 250),
        weight=3,
    ),
    NeedText("hard_child", "goods", "S0803", ("新学期学习用品",), (1, 2), unit_value=(15, 25)),
    NeedText("left_child", "service", "S0703", ("放学后托管到七点", "四点半课堂"), (6, 10), CHILD_SAFE, weight=3),
    NeedText("left_child", "service", "S0103", ("和孩子视频聊一聊", "每周视频访视"), (2, 6)),
    NeedText("left_child", "goods", "S1102", ("孩子过冬衣被",), (1, 3), unit_value=(25, 45)),
    NeedText("migrant", "service", "S0805", ("随迁孩子入学手续帮办", "转学材料帮办"), (1, 2), weight=3),
    NeedText("migrant", "service", "S1004", ("刚搬来，想了解本地服务",), (1, 2)),
    NeedText("migrant", "service", "S0801", ("随迁孩子课业衔接辅导",), (4, 8), CHILD_SAFE),
    NeedText("disabled", "service", "S0501", ("肢体康复训练，每周两次", "居家康复指导"), (6, 10), REHAB, weight=4),
    NeedText("disabled", "service", "S0503", ("助行器适配", "坐姿椅适配"), (1, 2), REHAB, weight=1),
    NeedText("disabled", "service", "S1202", ("家门口坡道与低位开关",), (1, 1), unit_value=(150, 350)),
    NeedText("disabled", "employment", "S0904", ("辅助性就业岗位", "手工车间辅助性就业"), (1, 1), weight=3),
    NeedText("disabled", "service", "S0903", ("直播客服技能培训", "手工编织培训"), (1, 1)),
    NeedText("disabled", "goods", "S1103", ("轮椅更换", "腋拐与护具"), (1, 2), unit_value=(40, 120)),
    NeedText("disabled_child", "service", "S0502", ("孩子的康复训练", "感觉统合训练"), (6, 10), REHAB, weight=3),
    NeedText("disabled_child", "service", "S0504", ("言语训练",), (4, 8), REHAB),
    NeedText("disabled_child", "service", "S0602", ("照护者互助小组活动",), (1, 4), COUNSEL, weight=1),
    NeedText("mental", "service", "S0604", ("社区康复活动", "居家康复随访"), (4, 8), PSYCH, weight=3),
    NeedText("mental", "service", "S0601", ("家属心理支持",), (3, 6), COUNSEL),
    NeedText("mental", "employment", "S0904", ("社区工坊辅助性就业",), (1, 1), weight=1),
    NeedText("ill", "service", "S0401", ("外出治疗陪同", "复查陪同"), (1, 4), weight=3),
    NeedText("ill", "service", "S0404", ("出院后的照护衔接",), (1, 2)),
    NeedText("ill", "service", "S0204", ("住院期间陪护",), (3, 8), CARER),
    NeedText(
        "ill",
        "grant",
        "S1302",
        ("自付医疗费用的慈善帮扶", "慈善项目申请"),
        (1, 1),
        unit_value=(300, 800),
        weight=3,
    ),
    NeedText("unemployed", "service", "S0901", ("就业指导与简历修改",), (1, 3)),
    NeedText("unemployed", "employment", "S0902", ("想找一份能照顾孩子的工作", "推荐附近的岗位"), (1, 1), weight=3),
    NeedText("unemployed", "service", "S0903", ("叉车操作培训", "家政服务培训"), (1, 1)),
    NeedText("unemployed", "service", "S1304", ("工资拖欠的法律咨询", "劳动合同法律援助"), (1, 2), LAWYER),
    NeedText("unemployed", "grant", "S0905", ("小摊位起步资金",), (1, 1), unit_value=(200, 500), weight=1),
    NeedText("single", "goods", "S1104", ("床和衣柜", "洗衣机一台"), (1, 2), unit_value=(60, 130)),
    NeedText("single", "service", "S1304", ("抚养费法律咨询",), (1, 2), LAWYER, weight=1),
    NeedText("single", "goods", "S1105", ("孩子的图书和玩具",), (1, 3), unit_value=(10, 20)),
    NeedText("stranded", "service", "S1205", ("临时住处几晚",), (2, 7)),
    NeedText("stranded", "goods", "S1102", ("御寒衣被",), (1, 3), unit_value=(25, 45)),
    NeedText("stranded", "service", "S1301", ("临时救助申请帮办", "不清楚去哪里申请，请帮办"), (1, 1), weight=3),
)
"""`unit_value` is given in tens of yuan here, so that drawn values are round sums."""
