from llama_folders import make_model

from nn.interchange.llama_names import llama_weights


def test_each_of_our_parameters_has_its_tensor():
    for tied in (False, True):
        model = make_model(tie_embeddings=tied)
        weights = llama_weights(model.config)
        assert sorted(weight.ours for weight in weights) == sorted(dict(model.named_parameters()))
        assert len({weight.theirs for weight in weights}) == len(weights)
