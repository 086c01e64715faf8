"""WebSockets of one virtual user, on picows, with correlation of questions and answers."""
