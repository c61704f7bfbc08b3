"""Every slice: its tables, and its routes in the order in which they are registered."""

import marketplace.accounts.models
import marketplace.allocations.models
import marketplace.assessments.models
import marketplace.audit
import marketplace.cases.models
import marketplace.idempotency
import marketplace.mail
import marketplace.matches.foresight.models
import marketplace.matches.holds.models
import marketplace.matches.models
import marketplace.needs.models
import marketplace.notifications.models
import marketplace.organizations.models
import marketplace.projects.models
import marketplace.search.models  # noqa: F401  # all of these: importing a model is what adds its table
from marketplace.accounts.views import accounts
from marketplace.allocations.views import allocations
from marketplace.assessments.views import assessments
from marketplace.cases.views import cases
from marketplace.exchange.views import exchange
from marketplace.home import home
from marketplace.matches.case_matching import case_matching
from marketplace.matches.foresight.views import foresight
from marketplace.matches.holds.views import holds
from marketplace.matches.policies import policies
from marketplace.matches.suggesting import suggestions
from marketplace.matches.views import runs
from marketplace.needs.packages import packages
from marketplace.needs.views import needs
from marketplace.needs.wishes import wishes
from marketplace.notifications.views import notifications
from marketplace.organizations.views import alliances, organizations
from marketplace.oversight.views import oversight
from marketplace.projects.views import offers, projects
from marketplace.search.views import search
from marketplace.waiting.views import waiting

SLICES = (
    home,
    waiting,
    accounts,
    organizations,
    alliances,
    assessments,
    projects,
    offers,
    cases,
    exchange,
    needs,
    packages,
    wishes,
    allocations,
    policies,
    foresight,
    runs,
    holds,
    case_matching,
    suggestions,
    search,
    notifications,
    oversight,
)
