"""The demo world: an invented, clearly marked marketplace in Ningxia.

`generate` writes its CSV files into `marketplace/data/demo/`, where they are kept as part of the project.
"""
