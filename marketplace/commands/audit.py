"""`marketplace audit verify`."""

import sys

import click
from sqlalchemy import func, select

from marketplace import audit
from marketplace.commands.console import FAILED, application, need_database, say
from marketplace.extensions import db


@click.group("audit", short_help=say("审计记录", "The audit trail"))
def audit_group() -> None:
    """The audit trail."""


@audit_group.command("verify", short_help=say("核对审计链", "Check the chains"))
def verify_command() -> None:
    """Re-compute every hash chain; exit 1 and one line a fault when an event was changed or is missing."""
    with application():
        need_database()
        faults = audit.verify()
        events = db.session.scalar(select(func.count()).select_from(audit.AuditEvent))
        chains = db.session.scalar(select(func.count()).select_from(audit.AuditChain))
    if faults:
        for fault in faults:
            click.echo(fault, err=True)
        sys.exit(FAILED)
    click.echo(
        say(f"审计记录完整：{chains} 条链，{events} 个事件", f"The trail is whole: {chains} chains, {events} events")
    )
