"""The WebSocket side.

From bytes to people: ``wire`` frames of the standard, ``protocol`` frames of ours, ``connection`` one device, ``visit``
what is done with what it sends, ``hub`` all devices here, ``relay`` and ``directory`` those elsewhere, ``mailbox``
those that are away. ``presence`` and ``notices`` tell devices of each other and of changes; ``endpoint`` is the route.
"""
