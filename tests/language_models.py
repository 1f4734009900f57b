"""Tiny vision-language models of the real classes, with their processors, as folders."""

from pathlib import Path

import torch
from transformers import (
    Blip2Config,
    Blip2ForConditionalGeneration,
    Blip2Processor,
    BlipImageProcessorPil,
    CLIPImageProcessorPil,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedModel,
)

from tests.conftest import VOCABULARY, tiny_tokenizer


SIDE = 32
IMAGE_TOKEN = VOCABULARY
CHAT_TEMPLATE = (
    "{% for message in messages %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endfor %}"
)
SMALL = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1}


def let_pictures_matter(model: PreTrainedModel) -> PreTrainedModel:
    """Large weights and no biases: a random model whose words depend on what it sees."""
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter)
    return model.eval()


def save_blip2(folder: Path) -> None:
    """BLIP-2 with OPT, as the papers' captioner."""
    torch.manual_seed(0)
    text = {"model_type": "opt", "hidden_size": 16, "word_embed_proj_dim": 16, "ffn_dim": 16, "num_hidden_layers": 1}
    config = Blip2Config(
        vision_config=SMALL | {"image_size": SIDE, "patch_size": 16},
        qformer_config=SMALL | {"vocab_size": 50, "encoder_hidden_size": 16},
        text_config=text | {"vocab_size": VOCABULARY + 1, "num_attention_heads": 2, "bos_token_id": 0},
        num_query_tokens=4,
        image_token_index=IMAGE_TOKEN,
    )
    images = BlipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    let_pictures_matter(Blip2ForConditionalGeneration(config)).save_pretrained(folder)
    Blip2Processor(images, tiny_tokenizer(), num_query_tokens=4).save_pretrained(folder)


def save_chat_model(folder: Path) -> None:
    """A model that answers questions about pictures."""
    torch.manual_seed(0)
    config = LlavaConfig(
        vision_config=SMALL | {"model_type": "clip_vision_model", "image_size": SIDE, "patch_size": 16},
        text_config=SMALL | {"model_type": "llama", "vocab_size": VOCABULARY + 1, "num_key_value_heads": 2},
        image_token_index=IMAGE_TOKEN,
        vision_feature_layer=-1,
    )
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens(["<image>"], special_tokens=True)
    size = {"height": SIDE, "width": SIDE}
    processor = LlavaProcessor(
        CLIPImageProcessorPil(size=size, crop_size=size),
        tokenizer,
        patch_size=16,
        vision_feature_select_strategy="default",
        chat_template=CHAT_TEMPLATE,
        num_additional_image_tokens=1,
    )
    let_pictures_matter(LlavaForConditionalGeneration(config)).save_pretrained(folder)
    processor.save_pretrained(folder)
