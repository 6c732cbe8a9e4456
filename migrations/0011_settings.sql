-- What a user's jobs get where they do not say: {"model": "…", "options": {…}}, only what differs from the defaults.

alter table users add column settings jsonb not null default '{}';
alter table users add column settings_changed_at timestamptz;
