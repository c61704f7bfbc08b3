"""Words of impact assessments."""

from flask_babel import lazy_gettext as _

CHANNELS = {
    "wishes": _("Publishing micro-wishes"),
    "sources": _("Taking in records of other departments"),
    "open_data": _("Open data for everyone"),
}
GROUNDS = {
    "sensitive": _("Sensitive personal information, or people under 14"),
    "automated": _("Decisions by automatic means"),
    "providing": _("Handing data to others, or having others process it"),
    "publishing": _("Making personal information public"),
    "abroad": _("Handing data abroad"),
    "other": _("Another grave effect on people"),
}
CONCLUSIONS = {
    "proceed": _("It may go live"),
    "conditions": _("It may go live with the measures named"),
    "stop": _("It may not go live"),
}
STATES = {
    "draft": _("Draft"),
    "signed": _("In force"),
    "replaced": _("Replaced by a newer edition"),
    "withdrawn": _("Withdrawn"),
}
ORIGINS = {
    "officer": _("Officer"),
    "demo": _("Demonstration, signed by nobody"),
    "live_before": _("Live before this rule: to be assessed until the day named"),
}
QUESTIONS = {
    "purpose": _("What is processed, for what purpose and how? Why is that lawful, proper and needed?"),
    "necessity": _("Why is each kind of data needed, and no more?"),
    "impact": _("What may it do to the rights of the people concerned?"),
    "risks": _("What may go wrong, how likely and how grave is it?"),
    "measures": _("What protects people? Is it lawful, effective and in proportion to the risk?"),
    "children": _("How are children under 14 protected: guardian's consent, own rules, who is in charge?"),
}
