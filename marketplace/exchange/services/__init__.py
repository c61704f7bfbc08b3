"""Rules of files: what commands bring in and take out, and what people send in the application."""

from marketplace.exchange.services.files import KINDS, Outcome, export_file, import_data, import_file

__all__ = ["KINDS", "Outcome", "export_file", "import_data", "import_file"]
