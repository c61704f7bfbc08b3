"""create_app: puts settings, extensions and slices together."""

import hashlib
import logging
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import Flask, g, jsonify, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError, generate_csrf
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import BadRequest, HTTPException, UnsupportedMediaType
from whitenoise import WhiteNoise

from marketplace import idempotency, jobs, mail, permissions, privacy, wording
from marketplace.accounts import security as account_security
from marketplace.accounts import services as accounts
from marketplace.briefly import SECONDS, kept_briefly
from marketplace.errors import AccessDenied, MarketplaceError, NotFound, SignInRequired
from marketplace.extensions import babel, csrf, db, limiter, migrate
from marketplace.navigation import navigation
from marketplace.permissions import Permission
from marketplace.settings import LOCALES, Settings, load, make_folder
from marketplace.slices import SLICES

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: that would make browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
#: A year: an address changes with the file behind it.
STATIC_SECONDS = 31_536_000
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def _folder(name: str) -> Path:
    """static/ and templates/: inside the installed package, or beside it in a checkout."""
    packaged = Path(__file__).parent / "_assets" / name
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / name


class Application(Flask):
    """Flask, with every request that its sender named done once."""

    def dispatch_request(self) -> ResponseReturnValue:
        key = idempotency.key_of_request()
        if key is None or not g.actor.signed_in:
            return super().dispatch_request()
        return idempotency.once(g.actor, key, idempotency.digest_of_request(), super().dispatch_request)


def create_app(settings: Settings | None = None, **overrides: Any) -> Flask:
    """The application.

    Args:
        settings: read from the environment when None.
        overrides: Flask configuration on top, e.g. TESTING.
    Raises:
        SettingsError: a setting is missing where it must not be.
        RuntimeError: a route declares no permission.
    """
    settings = settings or load()
    make_folder(settings.instance_dir)
    app = Application(
        "marketplace",
        static_folder=str(_folder("static")),
        template_folder=str(_folder("templates")),
        instance_path=str(settings.instance_dir),
    )
    app.config.update(_configuration(settings), **overrides)
    if app.testing:
        app.config.setdefault(SECONDS, 0)
    app.extensions["marketplace.settings"] = settings
    app.extensions["marketplace.keyring"] = privacy.Keyring(settings.keys)
    _configure_logging()

    app.before_request(_identify)  # first: even a refusal is drawn for whoever reads it
    app.before_request(_refuse_foreign_origin)
    app.before_request(_refuse_what_no_form_sends)
    db.init_app(app)
    migrate.init_app(app, db, directory=str(Path(__file__).parent / "migrations"))
    csrf.init_app(app)
    limiter.init_app(app)
    babel.init_app(app, locale_selector=_locale)
    jobs.init_app(app, settings)
    mail.init_app(app, settings)
    wording.init_app(app)
    account_security.init_app(app)
    for blueprint in SLICES:
        app.register_blueprint(blueprint)
    _add_probes(app)
    permissions.declare(app, "static", Permission.PUBLIC_VIEW)
    permissions.check_every_route_is_declared(app)

    app.before_request(_enforce)
    app.after_request(_harden)
    app.context_processor(_page_context)
    app.register_error_handler(MarketplaceError, _marketplace_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected_error)
    app.url_defaults(_stamp_static)
    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]  # the documented way to wrap an application
        app.wsgi_app,
        root=str(_folder("static")),
        prefix="static/",
        max_age=STATIC_SECONDS,
        add_headers_function=_harden_static,
    )
    return app


def _stamp_static(endpoint: str, values: dict[str, Any]) -> None:
    """Addresses of static files carry the file's digest, so browsers may keep them and still see a change."""
    if endpoint == "static" and "filename" in values:
        values["v"] = _digest_of_static(str(values["filename"]))


@lru_cache(maxsize=512)
def _digest_of_static(filename: str) -> str:
    path = _folder("static") / filename
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10] if path.is_file() else "0"


def _configuration(settings: Settings) -> dict[str, Any]:
    return {
        "SECRET_KEY": settings.keys.secret_key,
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": {"pool_pre_ping": settings.database_url.startswith("postgresql")},
        "BABEL_DEFAULT_LOCALE": settings.default_locale,
        "BABEL_DEFAULT_TIMEZONE": "Asia/Shanghai",
        "BABEL_TRANSLATION_DIRECTORIES": str(Path(__file__).parent / "translations"),
        "LOCALES": LOCALES,
        "MAX_CONTENT_LENGTH": 20 * 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 2 * 1024 * 1024,
        "SESSION_COOKIE_NAME": "__Host-bangnin" if settings.production else "bangnin",
        "SESSION_COOKIE_SECURE": settings.production,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PERMANENT_SESSION_LIFETIME": 12 * 3600,
        "WTF_CSRF_TIME_LIMIT": 12 * 3600,
        "WTF_CSRF_SSL_STRICT": False,  # _refuse_foreign_origin is stricter, and also holds without TLS
        "RATELIMIT_STORAGE_URI": settings.redis_url or "memory://",
        "RATELIMIT_HEADERS_ENABLED": True,
        "JSON_AS_ASCII": False,
        "CAPACITY_GRACE_DAYS": settings.capacity_grace_days,
        **account_security.configuration(settings),
    }


def _configure_logging() -> None:
    """One JSON line an event, on stderr; what is logged is listed by the caller and holds no personal data."""
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _locale() -> str:
    wanted = request.args.get("lang") if request else None
    if wanted in LOCALES:
        return str(wanted)
    kept = session.get("locale") if request else None
    return kept if kept in LOCALES else _settings().default_locale


def _identify() -> None:
    g.actor = accounts.current_actor()


def _settings() -> Settings:
    from flask import current_app

    settings: Settings = current_app.extensions["marketplace.settings"]
    return settings


def _refuse_foreign_origin() -> None:
    """A form of another site cannot act here, whatever token it found; an absent Origin is fine."""
    origin = request.headers.get("Origin")
    if request.method in _SAFE_METHODS or origin is None:
        return
    if origin not in {request.host_url.rstrip("/"), _settings().base_url}:
        raise AccessDenied(_("This request came from another site and was refused."))


def _refuse_what_no_form_sends() -> None:
    """No page of ours sends JSON or NUL characters: libraries and databases would each read them in their own way."""
    if request.is_json and request.method not in _SAFE_METHODS:
        raise UnsupportedMediaType
    sent = (request.path, *request.args.values(), *request.form.values())
    if any("\0" in text for text in (*sent, *request.args, *request.form)):
        raise BadRequest


def _enforce() -> None:
    """Deny by default: the endpoint's declared permission must be among the actor's grants."""
    if request.endpoint is None:
        return
    from flask import current_app

    permission = permissions.declared(current_app).get(request.endpoint)
    if permission is None:
        raise NotFound
    if not g.actor.may(permission):
        raise AccessDenied if g.actor.signed_in else SignInRequired


def _harden(response: Any) -> Any:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if _settings().production:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _harden_static(headers: Any, _path: str, _url: str) -> None:
    """Files are served before the application sees the request, so they get the same headers here."""
    for name, value in HEADERS.items():
        headers[name] = value


def _page_context() -> dict[str, Any]:
    actor = g.get("actor", permissions.ANYONE)
    return {
        "actor": actor,
        "Permission": Permission,
        "may": actor.may,
        "may_reach": lambda permission, row: permissions.may_reach(actor, permission, row),
        "locale": str(_current_locale()),
        "navigation": navigation(actor),
        "demo_instance": _demo_instance(),
        "csrf_token": generate_csrf,
        "login_url": url_for("security.login"),
        "logout_url": url_for("security.logout"),
        "register_url": url_for("accounts.register"),
    }


@kept_briefly
def _demo_instance() -> bool:
    """Whether pages carry the demonstration mark; a page that tells of a broken database cannot ask it."""
    try:
        return accounts.is_demo_instance()
    except SQLAlchemyError:
        return False


def _current_locale() -> Any:
    from flask_babel import get_locale

    return get_locale() or LOCALES[0]


def _add_probes(app: Flask) -> None:
    def healthz() -> ResponseReturnValue:
        return jsonify(status="ok")

    def readyz() -> ResponseReturnValue:
        db.session.execute(text("SELECT 1"))
        return jsonify(status="ready")

    for view in (healthz, readyz):
        app.add_url_rule(f"/{view.__name__}", view.__name__, view)
        permissions.declare(app, view.__name__, Permission.PUBLIC_VIEW)


def _wants_json() -> bool:
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


def _error_page(status: int, title: Any, message: Any, suggestions: Any = ()) -> ResponseReturnValue:
    if _wants_json():
        return jsonify(status=status, title=str(title), detail=str(message)), status
    page = render_template("errors/error.html", code=status, title=title, message=message, suggestions=suggestions)
    return page, status


def _marketplace_error(error: MarketplaceError) -> ResponseReturnValue:
    db.session.rollback()
    if isinstance(error, SignInRequired) and request.method == "GET" and not _wants_json():
        return redirect(url_for("security.login", next=request.full_path.rstrip("?")))
    ways_on = [*error.details.get("suggestions", ()), *_page_before()]
    return _error_page(error.status, error.title, error.message, ways_on)


def _page_before() -> list[tuple[Any, str]]:
    """The page of ours on which a form was sent, by its path alone; none where the browser does not tell."""
    before = urlsplit(request.referrer or "")
    ours = f"{before.scheme}://{before.netloc}" in {request.host_url.rstrip("/"), _settings().base_url}
    if request.method in _SAFE_METHODS or not ours or not before.path.startswith("/") or before.path.startswith("//"):
        return []
    return [(_("Back to the page before"), before.path)]


def _csrf_error(_error: CSRFError) -> ResponseReturnValue:
    return _error_page(
        400,
        _("This form has expired"),
        _("Go back, reload the page and send it again. What you entered is kept there."),
    )


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.response is not None:
        return error
    known = {
        404: (NotFound.title, NotFound.message),
        405: (_("This address takes no such request"), _("Follow a link or press a button of the page instead.")),
        413: (_("That is too large"), _("Files may have at most 20 MB.")),
        429: (_("Too many tries"), _("Wait a minute, then try again.")),
    }
    title, message = known.get(error.code, (_("That did not work"), _("Please check the address and try again.")))
    response = make_response(_error_page(error.code, title, message))
    if error.code == 405:
        response.headers["Allow"] = ", ".join(getattr(error, "valid_methods", None) or ())
    return response


def _unexpected_error(error: Exception) -> ResponseReturnValue:
    db.session.rollback()
    # The exception's text may quote values; its type and place are enough to find the fault.
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    structlog.get_logger(__name__).error(
        "unexpected_error",
        type=type(error).__name__,
        endpoint=request.endpoint,
        place=f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else None,
    )
    from flask import current_app

    if current_app.config.get("PROPAGATE_EXCEPTIONS") or (
        current_app.testing and not current_app.config.get("SHOW_500")
    ):
        raise error
    return _error_page(500, _("Something went wrong on our side"), _("It was noted. Nothing half-done was kept."))
