import torch

from nn import number_documents
from nn.documents import same_document


def test_the_separator_is_the_first_token_of_its_document():
    ids = torch.tensor([[5, 9, 5, 9, 9], [9, 1, 2, 3, 4]])
    assert number_documents(ids, 9).tolist() == [[0, 1, 1, 2, 3], [1, 1, 1, 1, 1]]
    assert number_documents(ids[0], 9).tolist() == [0, 1, 1, 2, 3]


def test_the_mask_has_any_number_of_leading_dimensions():
    documents = torch.tensor([0, 1, 1])
    expected = [[True, False, False], [False, True, True], [False, True, True]]
    assert same_document(documents, documents).tolist() == expected
    assert same_document(documents.expand(2, 4, 3), documents.expand(2, 4, 3))[1, 3].tolist() == expected
