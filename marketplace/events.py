"""Domain events. A lower slice tells nobody directly: it emits here, inside its own transaction."""

from blinker import Signal

#: Rows of a table were created or changed. Sender: table name; keyword `ids`: list of primary keys.
changed = Signal()
