"""Drawing tokens, and finding candidates for which the same is to be computed."""

import torch


def draw(logits_BKV: torch.Tensor, uniforms_BK: torch.Tensor, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns tokens and their log-probabilities: by inverse CDF at a temperature, the likeliest at 0."""
    logp_BKV = torch.log_softmax(logits_BKV.float() / (temperature or 1.0), dim=-1)
    if temperature == 0:
        tokens_BK = logp_BKV.argmax(-1)
    else:
        cdf_BKV = logp_BKV.double().exp().cumsum(-1)
        tokens_BK = torch.searchsorted(cdf_BKV, (uniforms_BK * cdf_BKV[..., -1])[..., None], right=True)[..., 0]
        tokens_BK = tokens_BK.clamp(max=logp_BKV.shape[-1] - 1)
    return tokens_BK, logp_BKV.gather(-1, tokens_BK[..., None])[..., 0]


def distinct(said_BK: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns a place for each distinct number of a row (any for -1), and a candidate that stands at each, (B, Q)."""
    sorted_BK, order_BK = said_BK.sort(dim=1, descending=True, stable=True)
    first_BK = torch.ones_like(said_BK, dtype=torch.bool)
    first_BK[:, 1:] = sorted_BK[:, 1:] != sorted_BK[:, :-1]
    places = int((first_BK & (sorted_BK >= 0)).sum(1).max())
    place_BK = torch.empty_like(said_BK).scatter_(1, order_BK, (first_BK.cumsum(1) - 1).clamp(max=places - 1))
    who_BQ = order_BK.gather(1, (~first_BK).int().argsort(dim=1, stable=True)[:, :places])
    return place_BK, who_BQ
