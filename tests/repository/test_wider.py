"""pretrained/wider.py: a network for images twice as wide, with the weights of a trained one."""

import importlib.util

import numpy as np
import pytest
from conftest import ROOT

from model import DCGAN

spec = importlib.util.spec_from_file_location("wider", ROOT / "pretrained" / "wider.py")
wider = importlib.util.module_from_spec(spec)
spec.loader.exec_module(wider)

pytestmark = pytest.mark.slow


def test_layers_keep_their_weights_but_those_next_to_the_image():
    model = DCGAN(image_size=16, gf_dim=4, df_dim=6, seed=1)
    wide = wider.widened(model)
    assert wide.architecture == model.architecture._replace(
        image_size=32, g_widths=(8, 4, 2), d_widths=(3, 6, 12))
    for old, new in (("generator/g_h0_lin/Matrix",) * 2, ("generator/g_h1/w",) * 2,
                     ("discriminator/d_h1_conv/w", "discriminator/d_h2_conv/w"),
                     ("discriminator/d_bn1/gamma", "discriminator/d_bn2/gamma"),
                     ("discriminator/d_h1_lin/Matrix", "discriminator/d_h2_lin/Matrix")):
        np.testing.assert_array_equal(model.vars[old], wide.vars[new], err_msg=new)
    assert wide.generator(np.zeros((2, 100), np.float32)).shape == (2, 32, 32, 3)
