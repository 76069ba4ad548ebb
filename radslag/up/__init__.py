"""`radslag up`: the whole system on one machine, in one terminal."""

import os

# Before anything loads numpy, whose library would start threads: children are forked from here.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
