-- Files, and which version of each path a user's devices agree on.

CREATE TABLE files (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),  -- also the id of the upload session, and the name on disk
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    filename text NOT NULL,
    mime_type text NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    status text NOT NULL DEFAULT 'uploading' CHECK (status IN ('uploading', 'completed', 'failed', 'expired')),
    sha256 text,  -- what the client announced; of the bytes when completed
    expires_at timestamptz NOT NULL,  -- of the upload
    created_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz
);
CREATE INDEX files_user ON files (user_id, created_at DESC);
CREATE INDEX files_content ON files (user_id, sha256) WHERE status = 'completed';
CREATE INDEX files_expiry ON files (expires_at) WHERE status = 'uploading';

-- Bytes outlive their row until an instance has deleted them.
CREATE TABLE file_removals (
    file_id uuid PRIMARY KEY
);
CREATE FUNCTION note_file_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO file_removals (file_id) VALUES (old.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER file_removed AFTER DELETE ON files FOR EACH ROW EXECUTE FUNCTION note_file_removal();
CREATE TRIGGER file_given_up AFTER UPDATE OF status ON files FOR EACH ROW
    WHEN (new.status IN ('failed', 'expired')) EXECUTE FUNCTION note_file_removal();

-- Numbers a user's changes 1, 2, 3, ... in the order of commit: a change locks its user's row.
CREATE TABLE sync_cursors (
    user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    last bigint NOT NULL
);

CREATE TABLE file_sync_state (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    workspace text NOT NULL,
    path text NOT NULL,
    sequence bigint NOT NULL,  -- of the latest change
    status text NOT NULL CHECK (status IN ('synced', 'pending', 'conflict', 'error', 'deleted')),
    hash text,  -- SHA-256 in hexadecimal; null when deleted
    size bigint NOT NULL,
    file_id uuid REFERENCES files ON DELETE SET NULL,  -- where the bytes are, once they have been uploaded
    device_id uuid,  -- whose version it is; no reference: devices come and go
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, workspace, path)
);
CREATE INDEX file_sync_state_changes ON file_sync_state (user_id, sequence);
CREATE INDEX file_sync_state_waiting ON file_sync_state (user_id, hash) WHERE status IN ('pending', 'error');
CREATE INDEX file_sync_state_file ON file_sync_state (file_id);

CREATE TABLE sync_operations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    device_id uuid,
    workspace text NOT NULL,
    path text NOT NULL,
    operation text NOT NULL CHECK (operation IN ('create', 'update', 'delete', 'conflict', 'resolve')),
    resolution text CHECK (resolution IN ('local_wins', 'remote_wins', 'merge', 'manual')),
    hash_before text,
    hash_after text,
    happened_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sync_operations_path ON sync_operations (user_id, workspace, path, id);

CREATE FUNCTION file_json(f files) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object(
        'id', f.id, 'filename', f.filename, 'mime_type', f.mime_type, 'size', f.size, 'status', f.status,
        'sha256', f.sha256, 'created_at', f.created_at, 'completed_at', f.completed_at)
$$;

CREATE FUNCTION sync_json(s file_sync_state) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object(
        'workspace', s.workspace, 'path', s.path, 'sequence', s.sequence, 'status', s.status, 'hash', s.hash,
        'size', s.size, 'file_id', s.file_id, 'device_id', s.device_id, 'updated_at', s.updated_at)
$$;
