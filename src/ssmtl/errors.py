"""The errors that a user can meet. Each message names the file or field and says what to do."""


class SsmtlError(Exception):
    """Base of all errors below: what a user can mend. The command line prints its text and no traceback."""


class SourceError(SsmtlError):
    """Footage that is missing, empty, truncated, or no footage at all."""


class DataError(SsmtlError):
    """A data set, annotation, box or score file that does not fit what was asked of it."""


class ModelError(SsmtlError):
    """A model folder that is incomplete, changed after it was written, or from another version."""


class ConfigError(SsmtlError, ValueError):
    """A configuration with an unknown name or a value out of its range."""


class OutputError(SsmtlError):
    """An output that exists already or cannot be written."""
