"""Forms of files: shape only."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileRequired
from wtforms import FileField


class FileForm(FlaskForm):
    """A table that is sent."""

    file = FileField(_("File"), [FileRequired(_("Choose a file: XLSX or CSV"))])
