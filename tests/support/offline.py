# SPDX-License-Identifier: MIT
"""What commands say on standard error while no gateway runs."""

import re

NOTE = re.compile(r"\Arepostal \w+: no gateway (runs at \S+, port \d+|can be asked \(admin\.port is 0\));"
                  r" (read from|changed in) (store '[^'\n]+'(, last written [^\n]+ ago)?"
                  r"|the PostgreSQL database, where \d+ others? (is|are) at work)\n")


def without_note(text):
    return NOTE.sub("", text)
