"""Write docs/features.md from the feature table: `python -m services.predictor.training.feature_page`."""

from pathlib import Path
from typing import Final

from services.predictor.core.feature_table import markdown

PAGE: Final = Path(__file__).resolve().parents[3] / "docs" / "features.md"

if __name__ == "__main__":
    PAGE.write_text(markdown())
