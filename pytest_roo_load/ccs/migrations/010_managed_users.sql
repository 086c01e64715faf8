-- Who has created a user in a batch and may therefore change, deactivate and delete it.

ALTER TABLE users ADD COLUMN managed_by uuid REFERENCES users ON DELETE SET NULL;
CREATE INDEX users_managed ON users (managed_by);

-- What goes with a user is found without looking at every row.
CREATE INDEX conversations_created_by ON conversations (created_by);
CREATE INDEX messages_sender ON messages (sender_id);
CREATE INDEX message_changes_changed_by ON message_changes (changed_by);
