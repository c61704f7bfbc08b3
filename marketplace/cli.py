"""The command `marketplace`: a group whose commands load on use, so that none pays for the others."""

import gc
import importlib
from typing import Any

import click

COMMANDS: dict[str, str] = {
    "audit": "marketplace.commands.audit:audit_group",
    "demo": "marketplace.commands.demo:demo_command",
    "doctor": "marketplace.commands.doctor:doctor_command",
    "export": "marketplace.commands.files:export_command",
    "import": "marketplace.commands.files:import_command",
    "init": "marketplace.commands.setup:init_command",
    "match": "marketplace.matches.files:match_command",
    "reindex": "marketplace.commands.index:reindex_command",
    "run": "marketplace.commands.runs:run_command",
    "search": "marketplace.commands.index:search_command",
    "serve": "marketplace.commands.server:serve_command",
    "simulate": "marketplace.matches.file_simulation:simulate_command",
    "upgrade": "marketplace.commands.setup:upgrade_command",
    "worker": "marketplace.commands.server:worker_command",
}
"""Where each command lives, as `module:attribute`."""


class LazyGroup(click.Group):
    """Imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = COMMANDS.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, attribute = place.split(":")
        gc.disable()  # two fifths of the time of starting went to looking for garbage among what is imported
        try:
            command = getattr(importlib.import_module(module), attribute)
        finally:
            gc.enable()
            gc.freeze()  # what was imported stays to the end
        if not isinstance(command, click.Command):
            raise TypeError(f"{place} is no command")
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="bangnin", prog_name="marketplace")
def group() -> None:
    """Bangnin: charity resources matched to people in hardship, whatever their household registration."""


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; exit codes: 0 done, 2 wrong input or command line, 3 time limit, 1 anything else."""
    return group.main(args=arguments, prog_name="marketplace")


if __name__ == "__main__":
    main()
