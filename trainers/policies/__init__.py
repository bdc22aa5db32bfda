"""Policies: what turns prompts into completions and completions into log-probabilities that can be trained."""
