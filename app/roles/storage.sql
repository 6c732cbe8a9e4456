-- Supabase's storage runs every request as the role of its token. Read images, write and remove what an encoding makes.

grant usage on schema storage to cutout_embed;
grant select on storage.buckets to cutout_embed;
grant select, insert, delete on storage.objects to cutout_embed;

do $$
begin
    if exists (select from pg_roles where rolname = 'authenticator') then
        grant cutout_embed to authenticator;  -- who takes on the role that a token names
    end if;
end $$;

drop policy if exists cutout_embed_bucket on storage.buckets;
create policy cutout_embed_bucket on storage.buckets for select to cutout_embed using (id = {bucket});

drop policy if exists cutout_embed_reads on storage.objects;
create policy cutout_embed_reads on storage.objects for select to cutout_embed
    using (bucket_id = {bucket} and name like 'users/%/images/%');

drop policy if exists cutout_embed_writes on storage.objects;
create policy cutout_embed_writes on storage.objects for insert to cutout_embed
    with check (bucket_id = {bucket} and name ~ '^users/[^/]+/images/[^/]+/(working|embeddings)/');

drop policy if exists cutout_embed_removes on storage.objects;
create policy cutout_embed_removes on storage.objects for delete to cutout_embed
    using (bucket_id = {bucket} and name ~ '^users/[^/]+/images/[^/]+/(working|embeddings)/');
