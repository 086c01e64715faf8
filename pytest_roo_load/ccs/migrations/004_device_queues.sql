-- Frames for devices that are not connected, until they have acknowledged them.

CREATE TABLE queued_frames (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- the order of arrival
    device_id uuid NOT NULL REFERENCES devices ON DELETE CASCADE,
    message_id text NOT NULL,  -- the frame's own id: one that is sent again is kept once
    priority smallint NOT NULL,
    frame bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    UNIQUE (device_id, message_id)
);
CREATE INDEX queued_frames_order ON queued_frames (device_id, priority DESC, id);
CREATE INDEX queued_frames_expiry ON queued_frames (expires_at);
