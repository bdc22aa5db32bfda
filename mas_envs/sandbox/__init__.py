r"""Running programs that a model wrote: contained, honestly judged, and fast.

    from mas_envs.sandbox import Sandbox

    with Sandbox() as sandbox:
        sandbox.run("print(int(input()) + 1)", "41").stdout        # "42\n"

`Sandbox` is also an effect runner (`mas_envs.effects`) for the effect `RunProgram`. What it holds and what not is in
docs/sandbox.md; `python -m mas_envs.sandbox --check` shows what this machine can do.
"""

from mas_envs.sandbox.cache import Cache
from mas_envs.sandbox.jobs import Limits, Result, RunProgram, SandboxError, Verdict
from mas_envs.sandbox.sandbox import Sandbox

__all__ = ["Cache", "Limits", "Result", "RunProgram", "Sandbox", "SandboxError", "Verdict"]
