-- Commands, what they have done, and who dispatches them.

CREATE TABLE commands (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    sequence bigint GENERATED ALWAYS AS IDENTITY,  -- of one user in the order of commit
    type text NOT NULL,
    priority smallint NOT NULL CHECK (priority BETWEEN 0 AND 4),
    state text NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'routing', 'executing', 'completed', 'failed', 'cancelled', 'timeout')),
    target_device_ids uuid[] NOT NULL,  -- empty: the server is the executor
    payload json NOT NULL,
    config json NOT NULL,
    idempotency_key text NOT NULL,
    attempts smallint NOT NULL DEFAULT 0,
    fence bigint NOT NULL DEFAULT 0,  -- of the lane when the command was claimed
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    not_before timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    acknowledged_at timestamptz,
    finished_at timestamptz,
    UNIQUE (user_id, idempotency_key)
) WITH (fillfactor = 70);
CREATE INDEX commands_queued ON commands (user_id, priority DESC, sequence) WHERE state = 'queued';
CREATE INDEX commands_running ON commands (user_id) WHERE state IN ('routing', 'executing');
CREATE INDEX commands_user ON commands (user_id, sequence);

-- What a command has done: once for each executor (a device, or the server), however often it was executed.
CREATE TABLE command_effects (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    idempotency_key text NOT NULL,
    executor text NOT NULL,
    command_id uuid NOT NULL,
    result json NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, idempotency_key, executor)
);

-- A lane is the queue of one user. One worker at a time serves it; a higher fence shuts out the worker before.
CREATE TABLE command_lanes (
    user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    worker text,
    fence bigint NOT NULL DEFAULT 0,
    batches bigint NOT NULL DEFAULT 0,  -- how often something was queued
    active boolean NOT NULL DEFAULT true
) WITH (fillfactor = 70);
CREATE INDEX command_lanes_active ON command_lanes (worker) WHERE active;

CREATE TABLE command_workers (
    worker text PRIMARY KEY,
    seen_at timestamptz NOT NULL
);

CREATE FUNCTION command_json(c commands) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object(
        'id', c.id, 'type', c.type, 'priority', c.priority, 'status', c.state,
        'target_device_ids', c.target_device_ids, 'payload', c.payload, 'config', c.config,
        'idempotency_key', c.idempotency_key, 'attempts', c.attempts, 'error', c.error,
        'created_at', c.created_at, 'started_at', c.started_at, 'acknowledged_at', c.acknowledged_at,
        'finished_at', c.finished_at,
        'effects', (
            SELECT coalesce(json_agg(json_build_object(
                'executor', e.executor, 'result', e.result, 'recorded_at', e.recorded_at) ORDER BY e.executor), '[]')
            FROM command_effects e WHERE e.user_id = c.user_id AND e.idempotency_key = c.idempotency_key))
$$;
