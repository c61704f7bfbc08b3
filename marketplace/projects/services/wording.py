"""Wording that would keep people out, written where no officer reads it again."""

from marketplace import events
from marketplace.permissions import Actor
from marketplace.projects.hukou import hukou_wording
from marketplace.projects.models import Project
from marketplace.records import now

#: From here on an officer has read the project, and its text is public.
_READ = ("open", "paused")


def tell_of_wording(actor: Actor, project: Project, *, before: str = "", after: str) -> None:
    """Tell the officers of the region of clauses that keep people out by household registration and were not there.

    Inside the caller's transaction.
    """
    if project.state in _READ and set(hukou_wording(after)) - set(hukou_wording(before)):
        events.happened.send("project:excluding", row=project, actor=actor, occasion=now().isoformat())
