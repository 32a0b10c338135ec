"""What a playbook can do: one file per action, each with observe and apply."""
