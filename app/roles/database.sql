-- The role of embed workers on rented hosts (DESIGN §13): it may claim, renew and end jobs of embed queues, pass `remove` on,
-- and write what an encoding makes. Columns and rows are granted rather than functions: a worker runs the same statements
-- as everywhere. Safe to repeat; to be repeated after migrations that give these tables columns for workers.

do $$
begin
    if not exists (select from pg_roles where rolname = 'cutout_embed') then
        create role cutout_embed login;
    end if;
end $$;

revoke all on all tables in schema public from cutout_embed;
grant usage on schema public to cutout_embed;


grant select on jobs to cutout_embed;
grant update (status, fence, worker, lease_until, started_at, finished_at, progress, timings, result, result_key,
              result_expires_at, error, our_fault, attempt, run_after, announced_at, queue, turn, engine, engine_reason,
              cost_micros, worked)
    on jobs to cutout_embed;

-- What a row becomes must be readable too: hence those that were passed on. No history: an hour. Row security keeps the
-- planner from stopping early: a claim among 10,000 waiting jobs takes 10 ms, the owner's 1 ms (explain analyze).
drop policy if exists embed_reads on jobs;
create policy embed_reads on jobs for select to cutout_embed using (
    (queue like 'embed:%' or (queue in ('mask', 'legacy') and kind = 'remove'))
    and (finished_at is null or finished_at > now() - interval '1 hour'));

drop policy if exists embed_works on jobs;
create policy embed_works on jobs for update to cutout_embed
    using (queue like 'embed:%' and status in ('queued', 'processing'))
    with check (
        (queue like 'embed:%' and status <> 'canceled')
        or (queue in ('mask', 'legacy') and kind = 'remove' and status = 'queued'));


-- Images of users for whom something is being encoded now (the same bytes are encoded once), and the image whose job this
-- very transaction has ended or passed on: only there a row has this transaction's time.
grant select, update (working_key) on images to cutout_embed;

drop policy if exists embed_reads on images;
create policy embed_reads on images for select to cutout_embed using (
    user_id in (select user_id from jobs where status = 'processing' and queue like 'embed:%')
    or exists (select from jobs where image_id = images.id
               and (finished_at = now() or (queue in ('mask', 'legacy') and status = 'queued' and run_after = now()))));

drop policy if exists embed_works on images;
create policy embed_works on images for update to cutout_embed using (true);  -- of those that it may read


grant select on embeddings to cutout_embed;
grant insert (image_id, model, revision, codec, storage_key, bytes, proposed, proposal) on embeddings to cutout_embed;
grant update (proposed, proposal) on embeddings to cutout_embed;

drop policy if exists embed_works on embeddings;
create policy embed_works on embeddings to cutout_embed
    using (exists (select from images where id = image_id));


-- Whether ClippingMagic takes over what failed here, within the day's budget.
grant select (name, version, rules, changed_by, changed_at) on flag_versions to cutout_embed;
grant select (name, fallback) on engine_health to cutout_embed;
grant select (day, micros), insert (day, micros), update (micros) on legacy_spending to cutout_embed;

drop policy if exists embed_reads on flag_versions;
create policy embed_reads on flag_versions for select to cutout_embed using (true);
drop policy if exists embed_reads on engine_health;
create policy embed_reads on engine_health for select to cutout_embed using (true);
drop policy if exists embed_works on legacy_spending;
create policy embed_works on legacy_spending to cutout_embed using (day = (now() at time zone 'UTC')::date);
