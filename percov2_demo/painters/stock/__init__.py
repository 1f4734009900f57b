"""Public text-to-image models as painters, over diffusers' own pipelines; a module for each kind of sampler."""
