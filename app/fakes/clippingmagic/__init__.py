"""A stand-in for clippingmagic.com: for tests, and for `cutout dev --fake-clippingmagic`."""
