"""Many processes at once against the rules that must hold: never more is given than there is.

The form of every race: processes that start together (`crowd`), a small world (`worlds`), the attempts and what
must be true afterwards (`invariants`), a version without the guard that must fail (`controls`).
`python -m tests.races` runs the long form.
"""
