"""The command line: commands, progress, tables; maps errors to exit codes."""
