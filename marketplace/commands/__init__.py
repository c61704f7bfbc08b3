"""Commands that work on an instance: one module a group, loaded when its command is asked for."""
