"""What Locust's users do: ask for / without a pause, or once; Locust checks the status."""

from __future__ import annotations

from locust import FastHttpUser, HttpUser, constant, task


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


class IdleFast(FastHttpUser):
    """Asks once and keeps its connection."""

    wait_time = constant(3600)

    @task
    def ask(self) -> None:
        """One request."""
        self.client.get("/")


class IdleUsual(HttpUser):
    """The same."""

    wait_time = constant(3600)

    @task
    def ask(self) -> None:
        """One request."""
        self.client.get("/")
