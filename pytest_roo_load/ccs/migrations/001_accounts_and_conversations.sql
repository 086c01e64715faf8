-- Accounts, devices, sessions, conversations, messages, the audit log, and the JSON forms of their rows.
-- Rows are rendered by the *_json functions, so that a row has one wire form and the server never touches its fields.

CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email text NOT NULL UNIQUE,  -- stored in lower case
    password_hash text NOT NULL,
    display_name text,
    preferences jsonb NOT NULL DEFAULT '{}',
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    last_login_at timestamptz
);

CREATE TABLE devices (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    device_name text NOT NULL,
    device_type text NOT NULL CHECK (device_type IN ('desktop', 'mobile', 'tablet', 'web')),
    platform text,
    capabilities jsonb NOT NULL DEFAULT '{}',
    fingerprint text,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (user_id, fingerprint)
);

CREATE TABLE sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    device_id uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
    generation integer NOT NULL DEFAULT 1,  -- of the refresh token that is good now
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_because text
);
CREATE INDEX sessions_user ON sessions (user_id) WHERE revoked_at IS NULL;
CREATE INDEX sessions_device ON sessions (device_id);

CREATE TABLE conversations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    created_by uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    title text,
    workspace_path text,
    metadata jsonb NOT NULL DEFAULT '{}',
    message_count bigint NOT NULL DEFAULT 0,  -- without deleted ones
    last_sequence bigint NOT NULL DEFAULT 0,
    last_message_at timestamptz,
    archived_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);  -- room for the in-place updates that every message makes

CREATE TABLE conversation_participants (
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('owner', 'participant', 'viewer')),
    joined_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (conversation_id, user_id)
);
CREATE INDEX conversation_participants_user ON conversation_participants (user_id);

CREATE TABLE messages (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
    sequence bigint NOT NULL,  -- 1, 2, 3, ... in each conversation, in the order of commit
    sender_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    parent_id uuid REFERENCES messages,
    message_type text NOT NULL CHECK (message_type IN ('user_message', 'assistant_message', 'system_message')),
    content jsonb NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    UNIQUE (conversation_id, sequence)
);

CREATE TABLE message_changes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id uuid NOT NULL REFERENCES messages ON DELETE CASCADE,
    changed_by uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    change text NOT NULL CHECK (change IN ('edited', 'deleted')),
    content_before jsonb NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX message_changes_message ON message_changes (message_id);

CREATE TABLE security_audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id uuid,  -- no reference: the log outlives the user
    event text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    happened_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION user_json(u users) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object(
        'id', u.id, 'email', u.email, 'display_name', u.display_name, 'preferences', u.preferences,
        'is_active', u.is_active, 'created_at', u.created_at, 'updated_at', u.updated_at,
        'last_login_at', u.last_login_at)
$$;

CREATE FUNCTION device_json(d devices) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object(
        'id', d.id, 'device_name', d.device_name, 'device_type', d.device_type, 'platform', d.platform,
        'capabilities', d.capabilities, 'created_at', d.created_at, 'last_seen_at', d.last_seen_at)
$$;

CREATE FUNCTION session_json(s sessions) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object(
        'id', s.id, 'device_id', s.device_id, 'created_at', s.created_at, 'expires_at', s.expires_at)
$$;

CREATE FUNCTION conversation_json(c conversations, role text) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object(
        'id', c.id, 'title', c.title, 'workspace_path', c.workspace_path, 'metadata', c.metadata,
        'created_by', c.created_by, 'role', role, 'message_count', c.message_count,
        'status', CASE WHEN c.archived_at IS NULL THEN 'active' ELSE 'archived' END,
        'last_message_at', c.last_message_at, 'archived_at', c.archived_at,
        'created_at', c.created_at, 'updated_at', c.updated_at)
$$;

CREATE FUNCTION message_json(m messages) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object(
        'id', m.id, 'conversation_id', m.conversation_id, 'sequence', m.sequence, 'sender_id', m.sender_id,
        'parent_message_id', m.parent_id, 'message_type', m.message_type, 'content', m.content,
        'metadata', m.metadata, 'created_at', m.created_at, 'updated_at', m.updated_at)
$$;
