"""Video anomaly detection by self-supervised multi-task learning (SSMTL, SSMTL++)."""

__version__ = "0.1.0"
