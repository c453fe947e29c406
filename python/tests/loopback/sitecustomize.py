"""Python's start where a hub of the tests is in the hub's place: it also checks the cards of uploaded models, for which
huggingface_hub asks huggingface.co, whatever `HF_ENDPOINT` says."""

from huggingface_hub import HfApi, RepoCard


def _validate(card: RepoCard, repo_type: str | None = None) -> None:
    HfApi()._validate_yaml(str(card), repo_type=repo_type or card.repo_type)


RepoCard.validate = _validate
