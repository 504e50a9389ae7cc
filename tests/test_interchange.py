"""Models exported to transformers and imported from it, with text: the same logits and the same words, both ways."""

import json
import os
import shutil
import struct

import pytest
import torch

from bpe import Tokenizer
from export_run import main as export_run
from generate import main as generate_text
from import_model import main as import_model
from nn import ModelConfig, SamplingConfig, TransformerLM, generate
from nn.interchange import load_llama, save_llama
from speaker import load_speaker
from trainer import RunConfig, open_run_directory, save_checkpoint, save_config

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported, so that nothing here uses the network
transformers = pytest.importorskip("transformers")

TINY = {"vocab_size": 60, "context_length": 48, "d_model": 32, "num_layers": 3, "num_heads": 4}
SHAPES = [{}, {"num_kv_heads": 2, "rope_theta": 300.0}, {"num_kv_heads": 1, "tie_embeddings": True, "norm_eps": 1e-3}]
PROMPTS = ["One day", "Once upon a time,\n there was 狐é", "<|endoftext|>\nThe", "", "a  b   c\n\n"]


@pytest.fixture(autouse=True)
def _quiet_and_seeded():
    torch.manual_seed(0)
    transformers.utils.logging.disable_progress_bar()
    yield
    transformers.utils.logging.enable_progress_bar()


def load_theirs(folder):
    model, report = transformers.AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not any(report.values()), report
    return model.eval()


def assert_same_logits(ours, theirs):
    ids = torch.randint(ours.config.vocab_size, (3, ours.config.context_length))
    with torch.no_grad():
        torch.testing.assert_close(theirs(ids).logits, ours(ids), rtol=1e-4, atol=2e-5)


def their_config(**fields):
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    return transformers.LlamaConfig(vocab_size=60, max_position_embeddings=48, initializer_range=0.2, **sizes, **fields)


@pytest.mark.parametrize("fields", SHAPES)
@pytest.mark.parametrize("max_shard_bytes", [10**9, 20_000])
def test_transformers_loads_what_we_export(tmp_path, fields, max_shard_bytes):
    model = TransformerLM(ModelConfig(**TINY, **fields))
    save_llama(model, tmp_path / "model", max_shard_bytes=max_shard_bytes)
    assert len(list(tmp_path.glob("model/*.safetensors"))) == 1 or max_shard_bytes == 20_000
    theirs = load_theirs(tmp_path / "model")
    assert theirs.dtype == torch.float32
    assert_same_logits(model, theirs)


def test_both_generate_the_same(tmp_path):
    model = TransformerLM(ModelConfig(**TINY))
    with torch.no_grad():
        for parameter in model.blocks.parameters():
            parameter *= 3  # otherwise it repeats one or two tokens
    save_llama(model, tmp_path / "model")
    theirs = load_theirs(tmp_path / "model")
    seen = set()
    for prompt in [[5, 9, 2], *([token] for token in range(10, 20))]:
        ours = list(generate(model, prompt, 20, SamplingConfig(temperature=0.0)))
        generated = theirs.generate(torch.tensor([prompt]), max_new_tokens=20, do_sample=False, pad_token_id=0)
        assert generated[0].tolist() == prompt + ours
        seen |= set(ours)
    assert len(seen) > 8


def test_both_stop_at_the_end_token(tmp_path):
    model = TransformerLM(ModelConfig(**TINY))
    first = list(generate(model, [5, 9, 2], 3, SamplingConfig(temperature=0.0)))
    save_llama(model, tmp_path / "model", end_token=first[2])
    generated = load_theirs(tmp_path / "model").generate(torch.tensor([[5, 9, 2]]), max_new_tokens=20, do_sample=False)
    assert generated[0].tolist() == [5, 9, 2, *first]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_transformers_loads_half_precision(tmp_path, dtype):
    model = TransformerLM(ModelConfig(**TINY))
    save_llama(model, tmp_path / "model", dtype=dtype)
    theirs = load_theirs(tmp_path / "model")
    assert theirs.dtype == dtype
    assert_same_logits(load_llama(tmp_path / "model"), theirs.float())


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"num_key_value_heads": 2, "rms_norm_eps": 1e-3},
        {"tie_word_embeddings": True, "rope_parameters": {"rope_type": "default", "rope_theta": 300.0}},
    ],
)
@pytest.mark.parametrize("max_shard_size", ["1GB", "20KB"])
def test_we_load_what_transformers_saves(tmp_path, fields, max_shard_size):
    theirs = transformers.LlamaForCausalLM(their_config(**fields)).eval()
    theirs.save_pretrained(tmp_path / "model", max_shard_size=max_shard_size)
    assert (tmp_path / "model" / "model.safetensors.index.json").exists() == (max_shard_size == "20KB")
    model = load_llama(tmp_path / "model")
    assert model.config.tie_embeddings == fields.get("tie_word_embeddings", False)
    assert_same_logits(model, theirs)
    save_llama(model, tmp_path / "back")
    again = load_theirs(tmp_path / "back")
    for name, tensor in theirs.state_dict().items():
        assert again.state_dict()[name].equal(tensor), name


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_we_load_half_precision(tmp_path, dtype):
    transformers.LlamaForCausalLM(their_config()).to(dtype).save_pretrained(tmp_path / "model")
    theirs = load_theirs(tmp_path / "model")
    assert theirs.dtype == dtype
    assert_same_logits(load_llama(tmp_path / "model"), theirs.float())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"attention_bias": True}, "attention_bias is True"),
        ({"mlp_bias": True}, "mlp_bias is True"),
        ({"head_dim": 16}, "head_dim is 16"),
        ({"hidden_act": "gelu"}, "hidden_act is 'gelu'"),
        ({"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}}, "rope_type = 'linear'"),
    ],
)
def test_unsupported_settings_are_refused_by_name(call, tmp_path, fields, message):
    transformers.LlamaForCausalLM(their_config(**fields)).save_pretrained(tmp_path / "model")
    assert message in call(import_model, tmp_path / "model", tmp_path / "run").one_line_error()
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def exported(tmp_path_factory, trained_run):
    path = tmp_path_factory.mktemp("exported") / "model"
    export_run([str(trained_run), str(path)])
    return path


def test_an_exported_run_generates_the_same_with_transformers(exported, trained_run):
    speaker = load_speaker(open_run_directory(trained_run), device="cpu")
    theirs = load_theirs(exported)
    assert_same_logits(speaker.model, theirs)
    tokenizer = transformers.AutoTokenizer.from_pretrained(exported)
    for prompt in PROMPTS:
        ids = tokenizer(prompt)["input_ids"]
        assert ids == speaker.tokenizer.encode(prompt)
        assert tokenizer.decode(ids) == prompt
    assert tokenizer.eos_token == tokenizer.bos_token == tokenizer.pad_token == "<|endoftext|>"
    assert tokenizer.eos_token_id == speaker.end_token == theirs.config.eos_token_id
    assert tokenizer.model_max_length == 32

    prompt = tokenizer("One day", return_tensors="pt")
    count = 32 - prompt["input_ids"].shape[1]
    generated = theirs.generate(**prompt, max_new_tokens=count, do_sample=False)[0]
    (parts,) = speaker.speak(speaker.encode_prompt("One day"), count, SamplingConfig(temperature=0.0), [0])
    text = "".join(parts)
    assert tokenizer.decode(generated, skip_special_tokens=True) == "One day" + text
    assert text


def test_a_batch_is_padded(exported):
    tokenizer = transformers.AutoTokenizer.from_pretrained(exported)
    batch = tokenizer(["One", "One day there was"], padding=True)
    assert batch["input_ids"][0][-1] == tokenizer.pad_token_id
    assert batch["attention_mask"][0][-1] == 0


def test_the_round_trip_of_a_run(call, tmp_path, exported, trained_run):
    outcome = call(import_model, exported, tmp_path / "run")
    assert outcome.code == 0, outcome.errors
    assert "→" in outcome.output
    assert "note" not in outcome.output
    assert f"tokenizer: {exported / 'tokenizer.json'}, 300 entries" in outcome.output
    before, after = (load_speaker(open_run_directory(run), device="cpu") for run in (trained_run, tmp_path / "run"))
    assert after.tokenizer.fingerprint == before.tokenizer.fingerprint
    for name, tensor in before.model.state_dict().items():
        assert after.model.state_dict()[name].equal(tensor), name
    options = ["--prompt=One day", "--max-new-tokens=20", "--device=cpu"]
    texts = [call(generate_text, run, *options) for run in (trained_run, tmp_path / "run")]
    assert texts[0].output == texts[1].output
    assert texts[1].code == 0


def test_a_shorter_context(call, tmp_path, exported):
    assert call(import_model, exported, tmp_path / "run", "--context-length=8").code == 0
    assert load_speaker(open_run_directory(tmp_path / "run"), device="cpu").model.config.context_length == 8


def test_a_tokenizer_that_transformers_saved(call, tmp_path, exported):
    tokenizer = transformers.AutoTokenizer.from_pretrained(exported)
    load_theirs(exported).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    assert call(import_model, tmp_path / "model", tmp_path / "run").code == 0
    ours = Tokenizer.load(tmp_path / "run" / "tokenizer.json")
    assert [ours.encode(prompt) for prompt in PROMPTS] == [tokenizer(prompt)["input_ids"] for prompt in PROMPTS]


def test_weights_can_be_exported_in_bfloat16(call, tmp_path, trained_run):
    assert call(export_run, trained_run, tmp_path / "model", "--dtype=bfloat16").code == 0
    assert load_theirs(tmp_path / "model").dtype == torch.bfloat16


def test_an_older_checkpoint_can_be_exported(call, tmp_path, trained_run):
    checkpoint = open_run_directory(trained_run).checkpoint(2)
    assert call(export_run, trained_run, tmp_path / "model", "--checkpoint", checkpoint).code == 0
    older = load_speaker(open_run_directory(trained_run), checkpoint, "cpu").model
    assert load_llama(tmp_path / "model").lm_head.weight.equal(older.lm_head.weight)


def test_a_folder_is_overwritten_only_on_request(call, tmp_path, exported, trained_run):
    shutil.copytree(exported, tmp_path / "model")
    (tmp_path / "model" / "more").touch()
    assert "model is not empty" in call(export_run, trained_run, tmp_path / "model").one_line_error()
    assert call(export_run, trained_run, tmp_path / "model", "--overwrite").code == 0
    assert not (tmp_path / "model" / "more").exists()
    names = {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert {file.name for file in (tmp_path / "model").iterdir()} == names
    assert "config.json" in call(export_run, trained_run, trained_run, "--overwrite").one_line_error()


def test_a_run_without_a_tokenizer(call, tmp_path, run_copy):
    (run_copy / "tokenizer.json").unlink()
    outcome = call(export_run, run_copy, tmp_path / "model")
    assert outcome.code == 0
    assert "note: the run was trained on given tokens" in outcome.output
    assert json.loads((tmp_path / "model" / "config.json").read_text())["eos_token_id"] is None
    assert (
        "has no tokenizer.json and no other tokenizer"
        in call(import_model, tmp_path / "model", tmp_path / "back").output
    )


def test_a_run_that_is_not_a_llama(call, tmp_path):
    from text_config import TextRunConfig

    config = ModelConfig(**TINY, ffn="relu2")
    (tmp_path / "run").mkdir()
    save_config(TextRunConfig(model=config, run=RunConfig(str(tmp_path / "run"))), tmp_path / "run" / "config.yaml")
    save_checkpoint(TransformerLM(config), None, 0, tmp_path / "run" / "checkpoints" / "step_00000000")
    assert "model.ffn is 'relu2'" in call(export_run, tmp_path / "run", tmp_path / "model").one_line_error()
    assert not (tmp_path / "model").exists()


def edit_tokenizer(folder, **model):
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text("utf-8"))
    content["model"] |= model
    path.write_text(json.dumps(content), "utf-8")


def test_a_tokenizer_that_bpe_cannot_reproduce_is_not_imported(call, tmp_path, exported):
    shutil.copytree(exported, tmp_path / "model")
    edit_tokenizer(tmp_path / "model", byte_fallback=True)
    outcome = call(import_model, tmp_path / "model", tmp_path / "run")
    assert outcome.code == 0
    assert "the tokenizer is not imported" in outcome.output
    assert "byte_fallback" in outcome.output
    assert not (tmp_path / "run" / "tokenizer.json").exists()


def test_a_tokenizer_of_another_model(call, tmp_path, exported):
    save_llama(TransformerLM(ModelConfig(**TINY)), tmp_path / "model")
    shutil.copyfile(exported / "tokenizer.json", tmp_path / "model" / "tokenizer.json")
    message = call(import_model, tmp_path / "model", tmp_path / "run").one_line_error()
    assert "has ids up to 299, but the model's vocabulary is 60" in message


def test_a_checkpoint_of_llama2c(call, tmp_path):
    """One layer, one head of width 2, all weights 1 except those of the embedding."""
    content = struct.pack("<7i", 2, 3, 1, 1, 1, 4, 8) + struct.pack("<8f", *range(8))
    ones = 2 + 4 * 4 + 2 + 3 * 6 + 2
    path = tmp_path / "stories.bin"
    path.write_bytes(content + struct.pack(f"<{ones + 16}f", *[1.0] * (ones + 16)))
    outcome = call(import_model, path, tmp_path / "run")
    assert outcome.code == 0, outcome.errors
    assert "has no tokenizer.json and no other tokenizer" in outcome.output
    assert "48 parameters" in outcome.output
    assert "tokenizer.json does not exist" in call(generate_text, tmp_path / "run").one_line_error()


@pytest.mark.parametrize(
    ("main", "options", "message"),
    [
        (import_model, ["nowhere", "OUT"], "nowhere does not exist"),
        (import_model, ["MODEL", "MODEL"], "already exists: choose another name, or delete it"),
        (import_model, ["MODEL", "OUT", "--context-length=33"], "context_length"),
        (import_model, ["MODEL", "OUT", "--context-length=0"], "model.context_length is 0"),
        (import_model, ["MODEL/config.json", "OUT"], "llama2.c"),
        (import_model, ["MODEL"], "the following arguments are required: OUT"),
        (export_run, ["nowhere", "OUT"], "nowhere is not a run"),
        (export_run, ["RUN", "OUT", "--dtype=int8"], "--dtype is 'int8': choose one of float32, bfloat16, float16"),
        (export_run, ["RUN", "OUT", "--checkpoint=nowhere"], "checkpoint nowhere does not exist"),
        (export_run, ["RUN", "RUN/config.yaml"], "config.yaml exists and is "),
    ],
)
def test_bad_input_is_one_line(call, tmp_path, exported, trained_run, main, options, message):
    places = {"OUT": tmp_path / "out", "MODEL": exported, "RUN": trained_run}
    given = [str(places.get(option.split("/")[0], option)) + option[len(option.split("/")[0]) :] for option in options]
    given = [option if option.startswith("--") else place for option, place in zip(options, given, strict=True)]
    assert message in call(main, *given).one_line_error()
    assert list(tmp_path.iterdir()) == []
