"""Who plays which role: the map from roles to policies, and a policy as an agent that evaluation can ask."""

from collections.abc import Sequence

from mas_envs.agents import Completion, Request
from trainers.rl.types import Sampler

Team = dict[str, str]
"""Role name -> name of the policy that plays it."""


def make_team(roles: Sequence[str], policies: str) -> Team:
    """Returns the team of `policies`: "shared" gives all roles one policy, "per-role" and "lora" each its own."""
    return {role: "shared" if policies == "shared" else role for role in roles}


class PolicyAgent:
    """A policy that answers one completion per request.

    Args:
        policy: the policy to ask, or what samples for it.
        temperature: 0 for greedy decoding, else of sampling by each request's own seed.
    """

    def __init__(self, policy: Sampler, temperature: float = 0.0):
        self.policy, self.temperature = policy, temperature
        self.tokens_generated = 0

    def act(self, requests: Sequence[Request]) -> list[Completion]:
        """Answers every request of a batch."""
        prompts, seeds = [r.prompt for r in requests], [r.seed for r in requests]
        completions: list[Completion] = []
        for candidates in self.policy.sample(prompts, 1, seeds, self.temperature):
            (sampled,) = candidates.completions_K
            self.tokens_generated += len(sampled.tokens)
            stop = "prompt_length" if sampled.unread else "length" if sampled.cut else "end"
            failure = "the engine gave no answer" if sampled.failed else ""
            completions.append(Completion(sampled.text, sampled.tokens, sampled.logprobs, stop, failure))
        return completions
