"""Flow matching on the condition of a hyper-codec that is trained already."""

import torch
from accelerate import Accelerator

from percov2_demo.training.data.determinism import Draws
from percov2_demo.training.loop import LoopConfig, TrainingRun
from percov2_demo.training.objectives.flow import FlowObjective
from tests.conftest import tiny_pipeline


def test_a_hyper_codec_with_integer_weights_stays_as_it_is(tmp_path):
    pipeline = tiny_pipeline()
    hyper_codec = pipeline.hyper_codec
    hyper_codec.quantize_weights()
    before = {name: value.clone() for name, value in hyper_codec.state_dict().items()}
    output = pipeline.transformer.proj_out.weight.detach().clone()
    objective = FlowObjective(pipeline.transformer, pipeline.text_encoder, hyper_codec, "residual")
    latents = torch.randn(3, 16, 32, 32)
    input_ids = torch.zeros(3, 16, dtype=torch.long)

    def batch(step, share):
        return {"latents": latents, "sources": latents, "input_ids": input_ids, "draws": Draws(0, step, share)}

    for steps in (1, 2):
        config = LoopConfig(warmup_steps=1, max_steps=steps)
        run = TrainingRun(objective, tmp_path, config, Accelerator(cpu=True), resume=steps > 1)
        average = run.run(batch, 60.0)
    assert not torch.equal(average.transformer.proj_out.weight, output)
    state = average.hyper_codec.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in before.items())
