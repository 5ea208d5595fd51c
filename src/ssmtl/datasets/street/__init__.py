"""The synthetic street: seeded footage of people before a fixed camera, with labelled anomalies among them.

Everybody is a jointed figure made of the same parts by the same renderer, normal or not.
"""

from ssmtl.datasets.street.clip import AbnormalBox, make_clip
from ssmtl.datasets.street.config import ANOMALIES, LEAD_IN, StreetConfig
from ssmtl.datasets.street.write import write_street

__all__ = ["ANOMALIES", "LEAD_IN", "AbnormalBox", "StreetConfig", "make_clip", "write_street"]
