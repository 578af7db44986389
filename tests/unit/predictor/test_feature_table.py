from services.predictor.core.feature_table import COLUMN, FEATURES, NAMES, WARM_UP, markdown
from services.predictor.training.feature_page import PAGE


def test_there_are_66_features_and_no_two_share_a_name() -> None:
    assert len(FEATURES) == len(set(NAMES)) == 66
    assert COLUMN["return_1"] == 0
    assert COLUMN["week_cosine"] == 65


def test_every_feature_says_what_it_is_and_when_it_can_be_believed() -> None:
    assert all(f.definition and f.source and 1 <= f.warm_up <= WARM_UP for f in FEATURES)


def test_the_page_of_features_is_up_to_date() -> None:
    assert PAGE.read_text() == markdown(), "run: python -m services.predictor.training.feature_page"
