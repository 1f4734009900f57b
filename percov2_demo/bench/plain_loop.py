"""The reference of the bench: Stable Diffusion 3's own pipeline in diffusers, around the same networks."""

from types import SimpleNamespace

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, StableDiffusion3Pipeline
from PIL import Image
from torch import Tensor, nn

from percov2_demo.pipelines.percov2 import PerCoV2Pipeline
from percov2_demo.sampling.interpolant import expected_latent, starting_point, starting_sigmas, velocity
from percov2_demo.sampling.sampler import Start
from percov2_demo.sampling.settings import Sampling


class ConditionedTransformer(nn.Module):
    """The flow transformer as one of Stable Diffusion 3: it takes the latent alone, and gives a velocity.

    The thinnest adapter there is: the widened input gets its condition, and a residual becomes a velocity.

    Args:
        pipeline: The codec.
        start: Where its picture starts.
    """

    def __init__(self, pipeline: PerCoV2Pipeline, start: Start):
        super().__init__()
        self.transformer = pipeline.transformer
        self.config = SimpleNamespace(
            **dict(pipeline.transformer.config) | {"in_channels": pipeline.vae.config.latent_channels}
        )
        self.device, self.dtype = pipeline.transformer.device, pipeline.transformer.dtype
        self._start, self._prediction_type = start, pipeline.config.prediction_type

    def forward(self, hidden_states: Tensor, timestep: Tensor, **arguments: object) -> tuple[Tensor]:
        channels = self._start.condition.channels.to(self.dtype).expand(len(hidden_states), -1, -1, -1)
        noisy = torch.cat([hidden_states.to(self.dtype), channels], dim=1)
        (prediction,) = self.transformer(hidden_states=noisy, timestep=timestep, **arguments)
        sigma = (timestep / 1000)[:, None, None, None]
        estimate = self._start.condition.estimate
        expected = expected_latent(prediction.float(), hidden_states, estimate, sigma, self._prediction_type)
        return (velocity(hidden_states, expected, sigma),)


class PlainLoop:
    """Decodes as `PerCoV2Pipeline.decompress` does, by `StableDiffusion3Pipeline`.

    Args:
        pipeline: The codec, whose networks and schedule are used.
    """

    def __init__(self, pipeline: PerCoV2Pipeline):
        self._pipeline = pipeline

    @torch.inference_mode()
    def paint(self, start: Start, sampling: Sampling) -> Image.Image:
        """Paint the picture of a start that `PerCoV2Pipeline.start` made from a stream with a caption."""
        assert start.text is not None
        codec = self._pipeline
        scheduler = FlowMatchEulerDiscreteScheduler.from_config(codec.scheduler.config)
        plain = StableDiffusion3Pipeline(ConditionedTransformer(codec, start), scheduler, *[None] * 7)
        plain.set_progress_bar_config(disable=True)
        stride = codec.hyper_codec.config.latent_stride
        shape = start.condition.channels.shape[-2:]
        noise = torch.randn(
            1, codec.vae.config.latent_channels, *shape, generator=torch.Generator().manual_seed(sampling.seed)
        )
        latents = plain(
            height=shape[0] * stride,
            width=shape[1] * stride,
            sigmas=starting_sigmas(sampling.steps, start.strength, scheduler.config.shift),
            guidance_scale=sampling.guidance,
            latents=starting_point(start.condition.estimate, noise.to(codec.device), start.strength),
            prompt_embeds=start.text.tokens[1:],
            negative_prompt_embeds=start.text.tokens[:1],
            pooled_prompt_embeds=start.text.pooled[1:],
            negative_pooled_prompt_embeds=start.text.pooled[:1],
            output_type="latent",
        ).images
        return codec.decode_latents(latents)[0]
