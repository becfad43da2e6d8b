"""`python -m seqgan_tf`, the same as `seqgan-tf`."""

import sys

from seqgan_tf.cli.main import main

sys.exit(main())
