"""AT-GRPO for teams of language-model agents, beside the single-agent baselines it is compared with."""
