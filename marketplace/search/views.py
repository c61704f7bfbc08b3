"""HTTP of search."""

from flask import g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from marketplace.organizations.choices import region_choices
from marketplace.permissions import Permission, Slice
from marketplace.search import services
from marketplace.search.forms import KIND_NAMES, SearchForm

search = Slice("search", __name__)
search.record_once(services.init_slice)

PER_KIND, PER_PAGE = 5, 20
ICONS = {"wish": "gift", "need": "list-details", "project": "folders", "organization": "building-community"}


@search.route("/search", permission=Permission.PUBLIC_VIEW)
def results() -> ResponseReturnValue:
    form = SearchForm(request.args)
    form.offer(services.kinds_for(g.actor), region_choices(_("All of Ningxia")))
    text = (form.q.data or "").strip()
    status, groups = 200, []
    if not form.validate():
        status = 422
    elif text:
        page = max(1, request.args.get("page", 1, type=int))
        only = form.kind.data
        groups = services.find(
            g.actor,
            text,
            kinds=(only,) if only else services.kinds_for(g.actor),
            region=form.region.data or None,
            page=page if only else 1,
            per_page=PER_PAGE if only else PER_KIND,
        )

    def address(kind: str, page: int = 1) -> str:
        region = form.region.data or None
        return url_for("search.results", q=text, kind=kind, region=region, page=page if page > 1 else None)

    return (
        render_template(
            "search/results.html",
            form=form,
            query=text,
            groups=groups,
            address=address,
            page_address=lambda kind: lambda page: address(kind, page),
            icons=ICONS,
            kind_names=KIND_NAMES,
            single=bool(form.kind.data),
        ),
        status,
    )
