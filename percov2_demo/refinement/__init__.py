"""Any rate from any painter, without training: noise that the sender chooses, sent as blocks after the base stream.

Reverse channel coding (Theis et al., arXiv 2206.08889; DiffC, Vonderfecht and Liu, ICLR 2025) in the form of DDCM
(arXiv 2502.01189) and Turbo-DDCM (arXiv 2511.06424), with the randomised Hadamard dictionary of H-DDCM (arXiv
2610.18125). Of the painter it asks nothing but the latent that it expects at a noise level.
"""

from percov2_demo.refinement.allocation import Allocation, CodedStep, max_atoms
from percov2_demo.refinement.blocks import CHECK_BYTES, refinement_bytes, seal_block, split_blocks
from percov2_demo.refinement.coder import Expectation, follow, refine


__all__ = [
    "CHECK_BYTES",
    "Allocation",
    "CodedStep",
    "Expectation",
    "follow",
    "max_atoms",
    "refine",
    "refinement_bytes",
    "seal_block",
    "split_blocks",
]
