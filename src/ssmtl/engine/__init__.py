"""Running a trained network: one small interface, several ways behind it, and a choice that is measured."""
