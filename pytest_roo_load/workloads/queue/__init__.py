"""A load on a message queue: `message_queue`."""
