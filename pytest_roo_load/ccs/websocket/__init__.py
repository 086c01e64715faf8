"""The WebSocket side: ``protocol`` frames, ``connection`` one device, ``hub`` all devices here, ``relay`` the others.

``endpoint`` is the route ``/ws`` that puts them together.
"""
