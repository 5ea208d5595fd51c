"""The web page of watched cameras: its server and its files."""
