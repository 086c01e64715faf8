"""What Locust's users do: ask for / without a pause and check the status."""

from __future__ import annotations

from locust import FastHttpUser, HttpUser, task


class Fast(FastHttpUser):
    """On geventhttpclient."""

    @task
    def ask(self) -> None:
        """One request."""
        self.client.get("/")


class Usual(HttpUser):
    """On requests."""

    @task
    def ask(self) -> None:
        """One request."""
        self.client.get("/")
