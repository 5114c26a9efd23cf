"""The text half: a tokenizer of whole words, a small UMT5 encoder, and a first lesson in which words mean which facts."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from storyreel_engine.studio_transformer import TEXT_LENGTH
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import nn
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

from storyreel_training import recipe as r
from storyreel_training.world import facts as w
from storyreel_training.world import words as c
from storyreel_training.world.captions import Writer

ANSWERS: dict[str, tuple[str, ...]] = {
    "character": (w.NONE, *w.CHARACTERS), "colour": (w.NONE, *w.COLOURS), "accessory": w.ACCESSORIES,
    "product": (w.NONE, *w.PRODUCTS), "product_colour": (w.NONE, *w.COLOURS), "setting": w.SETTINGS, "time": w.TIMES,
    "weather": w.WEATHERS, "size": w.SIZES, "camera": w.CAMERAS, "action": w.ACTIONS, "style": w.STYLES,
}  # fmt: skip
"""Every fact that a caption may tell, with its possible values (the aspect is told by the frame's size)."""


_PHRASES = {
    "time": c.TIME, "size": c.SIZE, "camera": c.CAMERA, "action": c.ACTION, "weather": c.WEATHER, "style": c.STYLE
}  # fmt: skip


def make_tokenizer() -> PreTrainedTokenizerFast:
    """One token for each word of the world; the rest is unknown. Deterministic: no text is read for it."""
    pad, end, unknown = special = ("<pad>", "</s>", "<unk>")
    words = {token: i for i, token in enumerate((*special, *c.vocabulary()))}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token=unknown))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[a-z0-9]+(?:'[a-z]+)?|[^\sa-z0-9]"), "removed", invert=True)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {end}", special_tokens=[(end, words[end])])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=pad, eos_token=end, unk_token=unknown, model_max_length=512
    )


def make_encoder(words: int) -> UMT5EncoderModel:
    """An untrained encoder (0.35 million weights)."""
    size = r.TEXT_WIDTH
    return UMT5EncoderModel(
        UMT5Config(
            vocab_size=words, d_model=size, d_kv=size // r.TEXT_HEADS, d_ff=2 * size, num_layers=r.TEXT_LAYERS,
            num_heads=r.TEXT_HEADS, dropout_rate=0.0,
        )
    )  # fmt: skip


class TextSide(nn.Module):  # type: ignore[misc] # torch is not in the linter's environment
    """Captions to embeddings as the Wan pipelines make them: encoded with a mask, then zero where there was no text."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, encoder: UMT5EncoderModel) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.encoder = encoder

    def forward(self, captions: list[str]) -> torch.Tensor:
        """Embeddings of shape (captions, TEXT_LENGTH, TEXT_WIDTH)."""
        batch = self.tokenizer(captions, padding="max_length", max_length=TEXT_LENGTH, truncation=True, return_tensors="pt")
        mask = batch.attention_mask.to(self.encoder.device)
        hidden = self.encoder(batch.input_ids.to(self.encoder.device), mask).last_hidden_state
        return torch.as_tensor(hidden * mask[..., None])


def learn_words(folder: Path, seed: int, steps: int) -> float:
    """Teach a new encoder so that the mean of a caption's tokens tells every fact it states; saved at `folder`.

    Returns the share of stated facts read right in the last steps. What a caption leaves out is not asked.
    """
    torch.manual_seed(seed)
    tokenizer = make_tokenizer()
    side = TextSide(tokenizer, make_encoder(len(tokenizer)))
    heads = nn.ModuleDict({name: nn.Linear(r.TEXT_WIDTH, len(values)) for name, values in ANSWERS.items()})
    optimizer = torch.optim.AdamW([*side.parameters(), *heads.parameters()], lr=2e-3, betas=(0.9, 0.98))
    right: list[float] = []
    for step in range(steps):
        captions, answers = _lesson(np.random.default_rng((seed, step)), 64)
        hidden = side(captions)
        pooled = hidden.sum(1) / (hidden.abs().sum(-1, keepdim=True) > 0).sum(1)
        logits = {name: head(pooled) for name, head in heads.items()}
        loss = sum((nn.functional.cross_entropy(logits[n], answers[n], ignore_index=-1) for n in ANSWERS), torch.zeros(()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        hits = [(logits[n].argmax(1) == answers[n])[answers[n] >= 0].float() for n in ANSWERS]
        right = [*right[-19:], torch.cat(hits).mean().item()]
    tokenizer.save_pretrained(folder / "tokenizer")
    side.encoder.save_pretrained(folder / "text_encoder")
    return float(np.mean(right))


def load_text(folder: Path) -> TextSide:
    """The text side as it was saved."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder / "tokenizer")
    return TextSide(tokenizer, UMT5EncoderModel.from_pretrained(folder / "text_encoder"))


def _lesson(rng: np.random.Generator, count: int) -> tuple[list[str], dict[str, torch.Tensor]]:
    shown = [w.draw_facts(rng) for _ in range(count)]
    captions = [Writer(f, rng).caption() for f in shown]
    names = {f.name for f in fields(w.Facts)} & ANSWERS.keys()
    told = {n: [_answer(f, n, text) for f, text in zip(shown, captions, strict=True)] for n in names}
    return captions, {n: torch.tensor(values) for n, values in told.items()}


def _answer(facts: w.Facts, name: str, caption: str) -> int:
    """The index of the value, or -1 where the caption does not tell it."""
    value = getattr(facts, name)
    if name in {"time", "size", "camera", "action", "weather", "style"} and not tells(caption, name, value):
        return -1
    if name in {"colour", "product_colour"} and facts.style == "noir":
        return -1
    return ANSWERS[name].index(value)


def tells(caption: str, name: str, value: str) -> bool:
    """True if one of the phrases for this value stands in the caption."""
    return any(phrase.lower() in caption.lower() for phrase in _PHRASES[name][value])
