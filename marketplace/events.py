"""Domain events. A lower slice tells nobody directly: it emits here, inside its own transaction."""

from typing import Any

from blinker import Signal

#: Rows of a table were created or changed. Sender: table name; keyword `ids`: list of primary keys.
changed = Signal()

#: Something happened that people may want to be told of. Sender: its name, as in the audit ("allocation:proposed");
#: keywords `row`: the record, `actor`: who did it. `move()` sends it for every change of state. Receivers run inside
#: the transaction and only note down what to do after it.
happened = Signal()

#: A lower slice asks whoever knows. Sender: the question; its keywords are its arguments. The one receiver answers.
asked = Signal()


def ask(question: str, **arguments: Any) -> Any:
    """The answer of the slice above that knows, or None where none is there."""
    return next((answer for _receiver, answer in asked.send(question, **arguments)), None)


#: A record is about to belong to another region. Sender: table name; keywords `row`: the record, already changed,
#: `before`: the code of the region it leaves, `actor`. Receivers take along what belongs to it, or raise to refuse.
#: Of a case "needs_of_case" comes before its needs are locked, "case_with_needs" once they have moved.
moved = Signal()
