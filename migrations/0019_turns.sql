-- A role that sees only its own queues (cutout setup-roles) still gives a job that it passes on its fair turn.

alter function next_turn(uuid, text, smallint) security definer set search_path = public, pg_temp;
