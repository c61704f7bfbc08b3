"""HTTP of projects."""

from marketplace.permissions import Slice

projects = Slice("projects", __name__)
