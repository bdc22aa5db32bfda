"""What the board games share: moves, parsing of move lists, the planner-executor turn, prompts, pictures."""
