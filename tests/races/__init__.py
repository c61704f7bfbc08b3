"""Many processes at once against the rules that must hold: never more is given than there is.

The form of every race: processes that start together (`crowd`), a small world (`worlds`), the attempts and what
must be true afterwards (`invariants`; through live HTTP in `web`, further guards in `limits`, `guards` and
`work`), a version without the guard that must fail (`controls`, `limits`, `unguarded`). `python -m tests.races` runs
the long form.
"""

#: Attempts of each race with every change: a share of the long form, which makes 10,000 with each of five seeds.
ATTEMPTS = 10_000
