CREATE SCHEMA public;

CREATE FUNCTION public.add_worked(worked jsonb, worker text, seconds double precision) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$
    select case when worker is null then worked else worked || jsonb_build_object(
        worker, round((coalesce((worked ->> worker)::double precision, 0) + seconds)::numeric, 6)) end
$$;

CREATE FUNCTION public.apply_entry() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    waiting record;
begin
    if new.entry_kind in ('settle', 'release') then
        insert into credit_changes (user_id, held, spent) values (new.user_id, new.held, new.spent);
        return null;
    end if;
    -- the lock first, in a statement of its own: the next one then sees all that the last holder took up
    perform from credit_balances where user_id = new.user_id for update;
    with taken as (delete from credit_changes where user_id = new.user_id returning held, spent)
    select coalesce(sum(taken.held), 0) as held, coalesce(sum(taken.spent), 0) as spent into waiting from taken;
    update credit_balances set
        granted = granted + new.granted,
        held = held + new.held + waiting.held,
        spent = spent + new.spent + waiting.spent
    where user_id = new.user_id;
    return null;
end $$;

CREATE FUNCTION public.count_visible_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    new.version := old.version + 1;
    new.changed_in := pg_current_xact_id();
    return new;
end $$;

CREATE FUNCTION public.deliver(to_user uuid, own jsonb, of_job uuid, of_batch uuid, told text, at timestamp with time zone, data jsonb) RETURNS void
    LANGUAGE sql
    AS $$
    insert into webhook_deliveries (id, user_id, endpoint_id, job_id, batch_id, event, url, payload)
    select new_id(), to_user, receiver.endpoint_id, of_job, of_batch, told, receiver.url,
           jsonb_build_object('type', told, 'timestamp', at, 'data', data)::text
    from (
        select id as endpoint_id, url, events from webhook_endpoints where user_id = to_user and disabled_at is null
        union all
        select null, own ->> 'url', array(select jsonb_array_elements_text(coalesce(own -> 'events', '[]')))
        where own is not null
    ) as receiver
    where receiver.events = '{}' or told = any (receiver.events)
$$;

CREATE FUNCTION public.end_batch_item() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    update batch_items set
        state = new.status, lease_until = null,
        error = case when new.error is not null then jsonb_build_object(
            'code', new.error -> 'code', 'message', new.error -> 'message') end,
        confidence = (select (proposal ->> 'score')::real from embeddings
                      where image_id = new.image_id and model = new.model order by created_at desc limit 1)
    where job_id = new.id and state = 'processing';
    return null;
end $$;

CREATE FUNCTION public.erase_user(erased uuid) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
declare
    report jsonb;
begin
    perform from users where id = erased for update;
    if not found then
        return null;
    end if;
    perform set_config('cutout.erasing', erased::text, true);
    report := jsonb_build_object(
        'images', (select count(*) from images where user_id = erased),
        'jobs', (select count(*) from jobs where user_id = erased),
        'batches', (select count(*) from batches where user_id = erased),
        'keys', (select count(*) from api_keys where user_id = erased),
        'webhooks', (select count(*) from webhook_endpoints where user_id = erased),
        'ledger_entries', (select count(*) from credit_entries where user_id = erased)
    );
    insert into closed_accounts (user_sha256) values (sha256(uuid_send(erased))) on conflict do nothing;
    delete from webhook_deliveries where user_id = erased;  -- attempts go with them
    delete from webhook_secrets where user_id = erased;
    delete from webhook_endpoints where user_id = erased;
    delete from idempotency_keys where user_id = erased;
    delete from credit_entries where user_id = erased;
    delete from credit_changes where user_id = erased;
    delete from credit_balances where user_id = erased;
    update images set charged_job = null where user_id = erased and charged_job is not null;
    delete from batch_items using batches where batches.id = batch_id and batches.user_id = erased;
    delete from jobs where user_id = erased;
    delete from batches where user_id = erased;
    delete from embeddings using images where images.id = image_id and images.user_id = erased;
    delete from images where user_id = erased;
    delete from api_keys where user_id = erased;
    update audit_log set actor = 'an erased user' where actor = erased::text;
    update audit_log set subject = null, details = '{}' where subject = erased;
    delete from users where id = erased;
    return report;
end $$;

CREATE FUNCTION public.forget_legacy_image() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    delete from legacy_images where image_id = new.id;
    return null;
end $$;

CREATE FUNCTION public.new_id() RETURNS uuid
    LANGUAGE sql
    AS $$
    select encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
                    from 1 for 6),
            52, 1), 53, 1),
        'hex')::uuid
$$;

CREATE FUNCTION public.next_flag_version() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if tg_op = 'UPDATE' then
        new.version := old.version + 1;
        new.changed_at := now();
        new.changed_by := coalesce(nullif(current_setting('cutout.actor', true), ''), current_user);
    end if;
    insert into flag_versions values (new.name, new.version, new.rules, new.changed_by, new.changed_at);
    return new;
end $$;

CREATE FUNCTION public.next_turn(for_user uuid, in_queue text, with_priority smallint) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    select greatest(
        (select max(turn) + 1 from jobs
         where user_id = for_user and queue = in_queue and priority = with_priority and status = 'queued'),
        (select min(turn) from jobs
         where queue = in_queue and priority = with_priority and status = 'queued'),
        0
    )
$$;

CREATE FUNCTION public.open_balance() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    insert into credit_balances (user_id) values (new.id);
    return null;
end $$;

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if tg_op = 'DELETE' and current_setting('cutout.erasing', true) = old.user_id::text then
        return old;
    end if;
    raise exception '% is append-only', tg_table_name using errcode = 'integrity_constraint_violation';
end $$;

CREATE FUNCTION public.reserve_credits() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    insert into credit_entries (user_id, job_id, entry_kind, held, spent)
    values (new.user_id, new.id, 'reserve', new.reserved, 0);
    return null;
end $$;

CREATE FUNCTION public.settle_credits() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    first_one boolean;
begin
    if new.status = 'succeeded' then
        -- two jobs on one image wait for each other here; the second one is free
        update images set charged_job = new.id where id = new.image_id and charged_job is null;
        first_one := found;
        if new.kind = 'legacy_fetch' then
            update legacy_images set charged_job = new.id
            where id = (new.params ->> 'legacy_id')::bigint and charged_job is null;
            first_one := found;
        end if;
        if first_one then
            new.credits := new.reserved;
        end if;
    end if;
    insert into credit_entries (user_id, job_id, entry_kind, held, spent) values (
        new.user_id, new.id, case new.status when 'succeeded' then 'settle' else 'release' end,
        -new.reserved, new.credits);
    return new;
end $$;

CREATE TABLE public.jobs (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    batch_id uuid,
    kind text NOT NULL,
    status text DEFAULT 'queued'::text NOT NULL,
    engine text DEFAULT 'sam2'::text NOT NULL,
    model text NOT NULL,
    image_id uuid NOT NULL,
    params jsonb NOT NULL,
    result jsonb,
    result_key text,
    result_expires_at timestamp with time zone,
    error jsonb,
    timings jsonb DEFAULT '{}'::jsonb NOT NULL,
    queue text NOT NULL,
    priority smallint DEFAULT 0 NOT NULL,
    turn bigint NOT NULL,
    progress real DEFAULT 0 NOT NULL,
    fence integer DEFAULT 0 NOT NULL,
    attempt smallint DEFAULT 0 NOT NULL,
    crashes smallint DEFAULT 0 NOT NULL,
    run_after timestamp with time zone DEFAULT now() NOT NULL,
    lease_until timestamp with time zone,
    deadline timestamp with time zone NOT NULL,
    announced_at timestamp with time zone,
    worker text,
    webhook jsonb,
    credits integer DEFAULT 0 NOT NULL,
    cost_micros bigint DEFAULT 0 NOT NULL,
    request_id text,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    changed_in xid8 DEFAULT pg_current_xact_id() NOT NULL,
    reserved integer DEFAULT 0 NOT NULL,
    leftovers boolean DEFAULT false NOT NULL,
    engine_reason text,
    our_fault boolean DEFAULT false NOT NULL,
    worked jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT jobs_check CHECK (((status = 'processing'::text) = (lease_until IS NOT NULL))),
    CONSTRAINT jobs_check1 CHECK (((status = ANY (ARRAY['succeeded'::text, 'failed'::text, 'canceled'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT jobs_check2 CHECK (((status = 'failed'::text) = (error IS NOT NULL))),
    CONSTRAINT jobs_check3 CHECK (((status <> 'succeeded'::text) OR (result IS NOT NULL))),
    CONSTRAINT jobs_kind_check CHECK ((kind = ANY (ARRAY['encode'::text, 'apply_mask'::text, 'remove'::text, 'legacy_fetch'::text, 'shadow'::text]))),
    CONSTRAINT jobs_progress_check CHECK (((progress >= (0)::double precision) AND (progress <= (1)::double precision))),
    CONSTRAINT jobs_reserved_check CHECK ((reserved >= 0)),
    CONSTRAINT jobs_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'processing'::text, 'succeeded'::text, 'failed'::text, 'canceled'::text])))
);

CREATE TABLE public.usage (
    job_id uuid NOT NULL,
    user_id uuid NOT NULL,
    image_id uuid NOT NULL,
    kind text NOT NULL,
    engine text NOT NULL,
    engine_reason text,
    status text NOT NULL,
    preview boolean NOT NULL,
    embed_s double precision NOT NULL,
    mask_s double precision NOT NULL,
    legacy_s double precision NOT NULL,
    took_s double precision NOT NULL,
    bytes_stored bigint NOT NULL,
    bytes_served bigint DEFAULT 0 NOT NULL,
    credits integer NOT NULL,
    cost_micros bigint NOT NULL,
    ended_at timestamp with time zone NOT NULL
);

CREATE FUNCTION public.usage_of(job public.jobs) RETURNS public.usage
    LANGUAGE sql STABLE
    AS $$
    select job.id, job.user_id, job.image_id, job.kind, job.engine, job.engine_reason, job.status,
        coalesce((job.params ->> 'preview')::boolean, false),
        coalesce((job.worked ->> 'embed')::double precision, 0),
        coalesce((job.worked ->> 'mask')::double precision, 0),
        coalesce((job.worked ->> 'legacy')::double precision, 0),
        extract(epoch from job.finished_at - job.created_at)::double precision,
        coalesce((job.result ->> 'bytes')::bigint, (job.result -> 'embedding' ->> 'bytes')::bigint, 0),
        0::bigint, job.credits, job.cost_micros, job.finished_at
$$;

CREATE FUNCTION public.write_batch_deliveries() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
declare
    ended text := case when new.canceled_at is null then 'completed' else 'canceled' end;
begin
    perform deliver(new.user_id, new.webhook, null, new.id, 'batch.' || ended, new.finished_at, jsonb_build_object(
        'id', new.id, 'name', new.name, 'status', ended,
        'counts', (select coalesce(jsonb_object_agg(state, items), '{}') from (
            select state, count(*) as items from batch_items where batch_id = new.id group by state) as counted),
        'created_at', new.created_at, 'finished_at', new.finished_at, 'url', '/api/batches/' || new.id
    ));
    return null;
end $$;

CREATE FUNCTION public.write_deliveries() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    perform deliver(new.user_id, new.webhook, new.id, null, 'job.' || new.status, new.finished_at, jsonb_build_object(
        'id', new.id, 'kind', new.kind, 'status', new.status, 'image_id', new.image_id,
        'batch_id', new.batch_id, 'created_at', new.created_at, 'finished_at', new.finished_at,
        'error', case when new.error is not null then jsonb_build_object(
            'code', new.error -> 'code', 'message', new.error -> 'message') end,
        'url', '/api/jobs/' || new.id
    ));
    return null;
end $$;

CREATE FUNCTION public.write_usage() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
begin
    insert into usage select (usage_of(new)).*;
    return null;
end $$;

CREATE TABLE public.api_keys (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    prefix text NOT NULL,
    sha256 bytea NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_keys_scopes_check CHECK (((scopes <@ ARRAY['read'::text, 'write'::text, 'admin'::text]) AND (scopes <> '{}'::text[])))
);

CREATE TABLE public.audit_log (
    id uuid DEFAULT public.new_id() NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject uuid,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.batch_items (
    id uuid NOT NULL,
    batch_id uuid NOT NULL,
    name text NOT NULL,
    source jsonb,
    state text DEFAULT 'queued'::text NOT NULL,
    error jsonb,
    confidence real,
    image_id uuid,
    job_id uuid,
    starts integer DEFAULT 0 NOT NULL,
    attempt smallint DEFAULT 0 NOT NULL,
    run_after timestamp with time zone DEFAULT now() NOT NULL,
    lease_until timestamp with time zone,
    reviewed_at timestamp with time zone,
    crashes smallint DEFAULT 0 NOT NULL,
    CONSTRAINT batch_items_check CHECK (((state = 'failed'::text) = (error IS NOT NULL))),
    CONSTRAINT batch_items_check1 CHECK (((state <> 'succeeded'::text) OR (job_id IS NOT NULL))),
    CONSTRAINT batch_items_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'processing'::text, 'succeeded'::text, 'failed'::text, 'canceled'::text])))
);

CREATE TABLE public.batches (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    model text NOT NULL,
    options jsonb DEFAULT '{}'::jsonb NOT NULL,
    webhook jsonb,
    request_id text,
    added_at timestamp with time zone DEFAULT now() NOT NULL,
    closed_at timestamp with time zone,
    paused_at timestamp with time zone,
    canceled_at timestamp with time zone,
    finished_at timestamp with time zone,
    sources_gone_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT batches_check CHECK (((finished_at IS NULL) OR (closed_at IS NOT NULL))),
    CONSTRAINT batches_check1 CHECK (((canceled_at IS NULL) OR (closed_at IS NOT NULL)))
);

CREATE TABLE public.closed_accounts (
    user_sha256 bytea NOT NULL,
    closed_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.credit_balances (
    user_id uuid NOT NULL,
    plan text DEFAULT 'prepaid'::text NOT NULL,
    granted bigint DEFAULT 0 NOT NULL,
    held bigint DEFAULT 0 NOT NULL,
    spent bigint DEFAULT 0 NOT NULL,
    CONSTRAINT credit_balances_plan_check CHECK ((plan = ANY (ARRAY['prepaid'::text, 'unmetered'::text]))),
    CONSTRAINT credits_left CHECK (((plan <> 'prepaid'::text) OR (((granted - held) - spent) >= 0)))
);

CREATE TABLE public.credit_changes (
    user_id uuid NOT NULL,
    held bigint NOT NULL,
    spent bigint NOT NULL
);

CREATE TABLE public.credit_entries (
    id uuid DEFAULT public.new_id() NOT NULL,
    user_id uuid NOT NULL,
    job_id uuid,
    entry_kind text NOT NULL,
    held integer NOT NULL,
    spent integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    granted integer DEFAULT 0 NOT NULL,
    note text,
    CONSTRAINT credit_entries_entry_kind_check CHECK (((entry_kind = ANY (ARRAY['grant'::text, 'reserve'::text, 'settle'::text, 'release'::text])) AND ((entry_kind = 'grant'::text) = (job_id IS NULL))))
);

CREATE TABLE public.embeddings (
    image_id uuid NOT NULL,
    model text NOT NULL,
    revision text NOT NULL,
    codec text NOT NULL,
    storage_key text NOT NULL,
    bytes bigint NOT NULL,
    proposal jsonb,
    proposed boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.engine_health (
    name text NOT NULL,
    fallback boolean DEFAULT false NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL,
    calm_since timestamp with time zone,
    checked_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.engine_switches (
    id uuid DEFAULT public.new_id() NOT NULL,
    fallback boolean NOT NULL,
    reason text NOT NULL,
    details jsonb NOT NULL,
    switched_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.flag_overrides (
    name text NOT NULL,
    user_id uuid NOT NULL,
    engine text NOT NULL,
    CONSTRAINT flag_overrides_engine_check CHECK ((engine = ANY (ARRAY['sam2'::text, 'clippingmagic'::text])))
);

CREATE TABLE public.flag_versions (
    name text NOT NULL,
    version integer NOT NULL,
    rules jsonb NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamp with time zone NOT NULL
);

CREATE TABLE public.flags (
    name text NOT NULL,
    rules jsonb DEFAULT '{}'::jsonb NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    changed_by text DEFAULT CURRENT_USER NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.idempotency_keys (
    user_id uuid NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    resource_id uuid,
    taken_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.images (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    storage_key text NOT NULL,
    working_key text,
    sha256 text NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    format text NOT NULL,
    bytes bigint NOT NULL,
    filename text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    deleted_at timestamp with time zone,
    purged_at timestamp with time zone,
    charged_job uuid,
    crop_of uuid,
    box integer[],
    CONSTRAINT images_bytes_check CHECK ((bytes > 0)),
    CONSTRAINT images_crop_has_its_box CHECK ((((crop_of IS NULL) = (box IS NULL)) AND (cardinality(box) = 4))),
    CONSTRAINT images_height_check CHECK ((height > 0)),
    CONSTRAINT images_width_check CHECK ((width > 0))
);

CREATE TABLE public.legacy_images (
    id bigint NOT NULL,
    user_id uuid NOT NULL,
    image_id uuid NOT NULL,
    secret text NOT NULL,
    reason text NOT NULL,
    note text,
    charged_job uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    fetched_at timestamp with time zone
);

CREATE TABLE public.legacy_spending (
    day date NOT NULL,
    micros bigint NOT NULL,
    CONSTRAINT legacy_spending_micros_check CHECK ((micros >= 0))
);

CREATE TABLE public.passwords (
    user_id uuid NOT NULL,
    email text NOT NULL,
    hash text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.reviews (
    id uuid NOT NULL,
    legacy_job uuid NOT NULL,
    verdict text,
    category text,
    reviewer uuid,
    reviewed_at timestamp with time zone,
    CONSTRAINT reviews_category_check CHECK ((category = ANY (ARRAY['plain'::text, 'hair'::text, 'transparent'::text, 'thin'::text, 'low_contrast'::text, 'other'::text]))),
    CONSTRAINT reviews_check CHECK ((((verdict IS NULL) = (reviewed_at IS NULL)) AND ((verdict IS NULL) = (category IS NULL)))),
    CONSTRAINT reviews_verdict_check CHECK ((verdict = ANY (ARRAY['better'::text, 'same'::text, 'worse'::text])))
);

CREATE TABLE public.schema_migrations (
    version integer NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.sign_ins (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    refresh_sha256 bytea NOT NULL,
    used_sha256 bytea,
    refreshed_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

CREATE TABLE public.uploads (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    filename text,
    token_sha256 bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    image_id uuid
);

CREATE TABLE public.usage_months (
    month date NOT NULL,
    user_id uuid NOT NULL,
    engine text NOT NULL,
    cutouts integer NOT NULL,
    jobs integer NOT NULL,
    failed integer NOT NULL,
    worker_s double precision NOT NULL,
    bytes_stored bigint NOT NULL,
    bytes_served bigint NOT NULL,
    credits bigint NOT NULL,
    cost_micros bigint NOT NULL
);

CREATE TABLE public.users (
    id uuid NOT NULL,
    email text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    role text DEFAULT 'user'::text NOT NULL,
    retention_days integer,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    settings_changed_at timestamp with time zone,
    CONSTRAINT users_retention_days_check CHECK (((retention_days >= 1) AND (retention_days <= 3650))),
    CONSTRAINT users_role_check CHECK ((role = ANY (ARRAY['user'::text, 'reviewer'::text, 'admin'::text])))
);

CREATE TABLE public.webhook_attempts (
    delivery_id uuid NOT NULL,
    number integer NOT NULL,
    status integer,
    ms integer NOT NULL,
    error text,
    started_at timestamp with time zone NOT NULL
);

CREATE TABLE public.webhook_deliveries (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    endpoint_id uuid,
    job_id uuid,
    event text NOT NULL,
    url text NOT NULL,
    receiver text GENERATED ALWAYS AS (COALESCE((endpoint_id)::text, "substring"(url, '^[^/]+//[^/?#]+'::text), url)) STORED NOT NULL,
    payload text NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    step integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone DEFAULT now() NOT NULL,
    lease_until timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    delivered_at timestamp with time zone,
    batch_id uuid,
    CONSTRAINT webhook_deliveries_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text])))
);

CREATE TABLE public.webhook_endpoints (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    url text NOT NULL,
    events text[] DEFAULT '{}'::text[] NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    failing_since timestamp with time zone,
    disabled_at timestamp with time zone,
    disabled_reason text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT webhook_endpoints_check CHECK (((disabled_at IS NULL) = (disabled_reason IS NULL))),
    CONSTRAINT webhook_endpoints_disabled_reason_check CHECK ((disabled_reason = ANY (ARRAY['gone'::text, 'failing'::text, 'by_user'::text])))
);

CREATE TABLE public.webhook_secrets (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    endpoint_id uuid,
    secret text NOT NULL,
    expires_at timestamp with time zone
);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_sha256_key UNIQUE (sha256);

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.batch_items
    ADD CONSTRAINT batch_items_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.closed_accounts
    ADD CONSTRAINT closed_accounts_pkey PRIMARY KEY (user_sha256);

ALTER TABLE ONLY public.credit_balances
    ADD CONSTRAINT credit_balances_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.credit_entries
    ADD CONSTRAINT credit_entries_job_id_entry_kind_key UNIQUE (job_id, entry_kind);

ALTER TABLE ONLY public.credit_entries
    ADD CONSTRAINT credit_entries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.embeddings
    ADD CONSTRAINT embeddings_pkey PRIMARY KEY (image_id, model, revision);

ALTER TABLE ONLY public.engine_health
    ADD CONSTRAINT engine_health_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.engine_switches
    ADD CONSTRAINT engine_switches_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.flag_overrides
    ADD CONSTRAINT flag_overrides_pkey PRIMARY KEY (name, user_id);

ALTER TABLE ONLY public.flag_versions
    ADD CONSTRAINT flag_versions_pkey PRIMARY KEY (name, version);

ALTER TABLE ONLY public.flags
    ADD CONSTRAINT flags_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key);

ALTER TABLE ONLY public.images
    ADD CONSTRAINT images_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.legacy_images
    ADD CONSTRAINT legacy_images_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.legacy_spending
    ADD CONSTRAINT legacy_spending_pkey PRIMARY KEY (day);

ALTER TABLE ONLY public.passwords
    ADD CONSTRAINT passwords_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.reviews
    ADD CONSTRAINT reviews_legacy_job_key UNIQUE (legacy_job);

ALTER TABLE ONLY public.reviews
    ADD CONSTRAINT reviews_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.sign_ins
    ADD CONSTRAINT sign_ins_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.sign_ins
    ADD CONSTRAINT sign_ins_refresh_sha256_key UNIQUE (refresh_sha256);

ALTER TABLE ONLY public.sign_ins
    ADD CONSTRAINT sign_ins_used_sha256_key UNIQUE (used_sha256);

ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT uploads_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.usage_months
    ADD CONSTRAINT usage_months_pkey PRIMARY KEY (month, user_id, engine);

ALTER TABLE ONLY public.usage
    ADD CONSTRAINT usage_pkey PRIMARY KEY (job_id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.webhook_attempts
    ADD CONSTRAINT webhook_attempts_pkey PRIMARY KEY (delivery_id, number);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.webhook_endpoints
    ADD CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.webhook_secrets
    ADD CONSTRAINT webhook_secrets_pkey PRIMARY KEY (id);

CREATE INDEX api_keys_of_user ON public.api_keys USING btree (user_id, id DESC);

CREATE INDEX audit_log_of_subject ON public.audit_log USING btree (subject);

CREATE INDEX batch_items_by_state ON public.batch_items USING btree (batch_id, state, id);

CREATE UNIQUE INDEX batch_items_job ON public.batch_items USING btree (job_id) WHERE (job_id IS NOT NULL);

CREATE INDEX batch_items_leased ON public.batch_items USING btree (lease_until) WHERE (lease_until IS NOT NULL);

CREATE INDEX batch_items_of_batch ON public.batch_items USING btree (batch_id, id);

CREATE INDEX batches_of_user ON public.batches USING btree (user_id, id DESC);

CREATE INDEX batches_unfinished ON public.batches USING btree (id) WHERE (finished_at IS NULL);

CREATE INDEX batches_with_sources ON public.batches USING btree (finished_at) WHERE ((finished_at IS NOT NULL) AND (sources_gone_at IS NULL));

CREATE INDEX credit_changes_of_user ON public.credit_changes USING btree (user_id);

CREATE INDEX credit_entries_of_user ON public.credit_entries USING btree (user_id, id);

CREATE INDEX flag_overrides_of_user ON public.flag_overrides USING btree (user_id);

CREATE INDEX idempotency_keys_by_age ON public.idempotency_keys USING btree (taken_at);

CREATE INDEX images_by_content ON public.images USING btree (user_id, sha256) WHERE (deleted_at IS NULL);

CREATE INDEX images_expiring ON public.images USING btree (expires_at) WHERE ((deleted_at IS NULL) AND (expires_at IS NOT NULL));

CREATE INDEX images_of_image ON public.images USING btree (crop_of) WHERE (crop_of IS NOT NULL);

CREATE INDEX images_of_user ON public.images USING btree (user_id, id DESC) WHERE (deleted_at IS NULL);

CREATE UNIQUE INDEX images_one_crop_of_a_box ON public.images USING btree (crop_of, box) WHERE ((crop_of IS NOT NULL) AND (deleted_at IS NULL));

CREATE INDEX images_to_purge ON public.images USING btree (deleted_at) WHERE ((deleted_at IS NOT NULL) AND (purged_at IS NULL));

CREATE INDEX jobs_changed ON public.jobs USING btree (changed_in);

CREATE INDEX jobs_faults ON public.jobs USING btree (queue, finished_at) WHERE our_fault;

CREATE INDEX jobs_finished ON public.jobs USING btree (queue, finished_at) WHERE (finished_at IS NOT NULL);

CREATE INDEX jobs_leased ON public.jobs USING btree (queue, user_id, lease_until) WHERE (status = 'processing'::text);

CREATE INDEX jobs_leftovers ON public.jobs USING btree (id) WHERE (leftovers AND (finished_at IS NOT NULL));

CREATE INDEX jobs_of_batch ON public.jobs USING btree (batch_id) WHERE ((batch_id IS NOT NULL) AND (finished_at IS NULL));

CREATE INDEX jobs_of_image ON public.jobs USING btree (image_id, id DESC);

CREATE INDEX jobs_of_user ON public.jobs USING btree (user_id, id DESC);

CREATE INDEX jobs_ready ON public.jobs USING btree (queue, priority DESC, turn, id) WHERE (status = 'queued'::text);

CREATE INDEX jobs_result_expiring ON public.jobs USING btree (result_expires_at) WHERE ((result_key IS NOT NULL) AND (result_expires_at IS NOT NULL));

CREATE INDEX jobs_waiting_of_user ON public.jobs USING btree (user_id, queue, priority, turn) WHERE (status = 'queued'::text);

CREATE INDEX legacy_images_charged ON public.legacy_images USING btree (charged_job);

CREATE INDEX legacy_images_of_image ON public.legacy_images USING btree (image_id);

CREATE INDEX legacy_images_of_user ON public.legacy_images USING btree (user_id);

CREATE UNIQUE INDEX passwords_by_email ON public.passwords USING btree (lower(email));

CREATE INDEX reviews_of_reviewer ON public.reviews USING btree (reviewer) WHERE (reviewer IS NOT NULL);

CREATE INDEX sign_ins_of_user ON public.sign_ins USING btree (user_id);

CREATE INDEX uploads_expiring ON public.uploads USING btree (expires_at);

CREATE INDEX uploads_of_image ON public.uploads USING btree (image_id) WHERE (image_id IS NOT NULL);

CREATE INDEX uploads_of_user ON public.uploads USING btree (user_id, expires_at);

CREATE INDEX usage_by_time ON public.usage USING btree (ended_at);

CREATE INDEX usage_months_of_user ON public.usage_months USING btree (user_id);

CREATE INDEX usage_of_user ON public.usage USING btree (user_id, ended_at);

CREATE INDEX users_by_email ON public.users USING btree (lower(email)) WHERE (email IS NOT NULL);

CREATE INDEX webhook_deliveries_due ON public.webhook_deliveries USING btree (next_at) WHERE (state = 'pending'::text);

CREATE INDEX webhook_deliveries_of_batch ON public.webhook_deliveries USING btree (batch_id) WHERE (batch_id IS NOT NULL);

CREATE INDEX webhook_deliveries_of_endpoint ON public.webhook_deliveries USING btree (endpoint_id, id DESC);

CREATE INDEX webhook_deliveries_of_job ON public.webhook_deliveries USING btree (job_id);

CREATE INDEX webhook_deliveries_of_user ON public.webhook_deliveries USING btree (user_id, id DESC);

CREATE INDEX webhook_endpoints_of_user ON public.webhook_endpoints USING btree (user_id, id);

CREATE INDEX webhook_secrets_of_owner ON public.webhook_secrets USING btree (user_id, endpoint_id);

CREATE TRIGGER batches_deliveries AFTER UPDATE OF finished_at ON public.batches FOR EACH ROW WHEN (((old.finished_at IS NULL) AND (new.finished_at IS NOT NULL))) EXECUTE FUNCTION public.write_batch_deliveries();

CREATE TRIGGER credit_entries_append_only BEFORE DELETE OR UPDATE ON public.credit_entries FOR EACH ROW EXECUTE FUNCTION public.refuse_change();

CREATE TRIGGER credit_entries_applied AFTER INSERT ON public.credit_entries FOR EACH ROW EXECUTE FUNCTION public.apply_entry();

CREATE TRIGGER flags_version BEFORE INSERT OR UPDATE ON public.flags FOR EACH ROW EXECUTE FUNCTION public.next_flag_version();

CREATE TRIGGER images_forget_legacy AFTER UPDATE OF purged_at ON public.images FOR EACH ROW WHEN (((old.purged_at IS NULL) AND (new.purged_at IS NOT NULL))) EXECUTE FUNCTION public.forget_legacy_image();

CREATE TRIGGER jobs_batch_item AFTER UPDATE OF status ON public.jobs FOR EACH ROW WHEN (((old.finished_at IS NULL) AND (new.finished_at IS NOT NULL) AND (new.batch_id IS NOT NULL))) EXECUTE FUNCTION public.end_batch_item();

CREATE TRIGGER jobs_deliveries AFTER UPDATE OF status ON public.jobs FOR EACH ROW WHEN (((old.finished_at IS NULL) AND (new.finished_at IS NOT NULL) AND (new.batch_id IS NULL) AND (new.kind <> 'shadow'::text))) EXECUTE FUNCTION public.write_deliveries();

CREATE TRIGGER jobs_reserve AFTER INSERT ON public.jobs FOR EACH ROW WHEN ((new.reserved > 0)) EXECUTE FUNCTION public.reserve_credits();

CREATE TRIGGER jobs_settle BEFORE UPDATE OF status ON public.jobs FOR EACH ROW WHEN (((old.finished_at IS NULL) AND (new.finished_at IS NOT NULL) AND (old.reserved > 0))) EXECUTE FUNCTION public.settle_credits();

CREATE TRIGGER jobs_usage AFTER UPDATE OF status ON public.jobs FOR EACH ROW WHEN (((old.finished_at IS NULL) AND (new.finished_at IS NOT NULL))) EXECUTE FUNCTION public.write_usage();

CREATE TRIGGER jobs_version BEFORE UPDATE OF status, progress, result, error, queue ON public.jobs FOR EACH ROW EXECUTE FUNCTION public.count_visible_change();

CREATE TRIGGER users_balance AFTER INSERT ON public.users FOR EACH ROW EXECUTE FUNCTION public.open_balance();

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.batch_items
    ADD CONSTRAINT batch_items_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES public.batches(id);

ALTER TABLE ONLY public.batch_items
    ADD CONSTRAINT batch_items_image_id_fkey FOREIGN KEY (image_id) REFERENCES public.images(id);

ALTER TABLE ONLY public.batch_items
    ADD CONSTRAINT batch_items_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id);

ALTER TABLE ONLY public.batches
    ADD CONSTRAINT batches_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.credit_balances
    ADD CONSTRAINT credit_balances_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.credit_changes
    ADD CONSTRAINT credit_changes_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.credit_entries
    ADD CONSTRAINT credit_entries_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id);

ALTER TABLE ONLY public.credit_entries
    ADD CONSTRAINT credit_entries_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.embeddings
    ADD CONSTRAINT embeddings_image_id_fkey FOREIGN KEY (image_id) REFERENCES public.images(id);

ALTER TABLE ONLY public.flag_overrides
    ADD CONSTRAINT flag_overrides_name_fkey FOREIGN KEY (name) REFERENCES public.flags(name);

ALTER TABLE ONLY public.flag_overrides
    ADD CONSTRAINT flag_overrides_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.images
    ADD CONSTRAINT images_charged_job_fkey FOREIGN KEY (charged_job) REFERENCES public.jobs(id);

ALTER TABLE ONLY public.images
    ADD CONSTRAINT images_crop_of_fkey FOREIGN KEY (crop_of) REFERENCES public.images(id);

ALTER TABLE ONLY public.images
    ADD CONSTRAINT images_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES public.batches(id);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_image_id_fkey FOREIGN KEY (image_id) REFERENCES public.images(id);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.legacy_images
    ADD CONSTRAINT legacy_images_charged_job_fkey FOREIGN KEY (charged_job) REFERENCES public.jobs(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.legacy_images
    ADD CONSTRAINT legacy_images_image_id_fkey FOREIGN KEY (image_id) REFERENCES public.images(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.legacy_images
    ADD CONSTRAINT legacy_images_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.passwords
    ADD CONSTRAINT passwords_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.reviews
    ADD CONSTRAINT reviews_id_fkey FOREIGN KEY (id) REFERENCES public.jobs(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.reviews
    ADD CONSTRAINT reviews_legacy_job_fkey FOREIGN KEY (legacy_job) REFERENCES public.jobs(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.reviews
    ADD CONSTRAINT reviews_reviewer_fkey FOREIGN KEY (reviewer) REFERENCES public.users(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.sign_ins
    ADD CONSTRAINT sign_ins_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT uploads_image_id_fkey FOREIGN KEY (image_id) REFERENCES public.images(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT uploads_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.usage
    ADD CONSTRAINT usage_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.usage_months
    ADD CONSTRAINT usage_months_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.usage
    ADD CONSTRAINT usage_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.webhook_attempts
    ADD CONSTRAINT webhook_attempts_delivery_id_fkey FOREIGN KEY (delivery_id) REFERENCES public.webhook_deliveries(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES public.batches(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_endpoint_id_fkey FOREIGN KEY (endpoint_id) REFERENCES public.webhook_endpoints(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.jobs(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.webhook_endpoints
    ADD CONSTRAINT webhook_endpoints_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.webhook_secrets
    ADD CONSTRAINT webhook_secrets_endpoint_id_fkey FOREIGN KEY (endpoint_id) REFERENCES public.webhook_endpoints(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.webhook_secrets
    ADD CONSTRAINT webhook_secrets_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE public.api_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit_log ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.batch_items ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.batches ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.closed_accounts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.credit_balances ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.credit_changes ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.credit_entries ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.embeddings ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.engine_health ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.engine_switches ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.flag_overrides ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.flag_versions ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.flags ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.idempotency_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.images ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.jobs ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.legacy_images ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.legacy_spending ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_row ON public.credit_balances FOR SELECT TO authenticated USING ((user_id = auth.uid()));

CREATE POLICY own_row ON public.users FOR SELECT TO authenticated USING ((id = auth.uid()));

CREATE POLICY own_rows ON public.api_keys FOR SELECT TO authenticated USING ((user_id = auth.uid()));

CREATE POLICY own_rows ON public.batch_items FOR SELECT TO authenticated USING ((EXISTS ( SELECT 1
   FROM public.batches
  WHERE ((batches.id = batch_items.batch_id) AND (batches.user_id = auth.uid())))));

CREATE POLICY own_rows ON public.batches FOR SELECT TO authenticated USING ((user_id = auth.uid()));

CREATE POLICY own_rows ON public.credit_entries FOR SELECT TO authenticated USING ((user_id = auth.uid()));

CREATE POLICY own_rows ON public.embeddings FOR SELECT TO authenticated USING ((EXISTS ( SELECT 1
   FROM public.images
  WHERE ((images.id = embeddings.image_id) AND (images.user_id = auth.uid())))));

CREATE POLICY own_rows ON public.images FOR SELECT TO authenticated USING (((user_id = auth.uid()) AND (deleted_at IS NULL)));

CREATE POLICY own_rows ON public.jobs FOR SELECT TO authenticated USING ((user_id = auth.uid()));

CREATE POLICY own_rows ON public.usage FOR SELECT TO authenticated USING ((user_id = auth.uid()));

CREATE POLICY own_rows ON public.usage_months FOR SELECT TO authenticated USING ((user_id = auth.uid()));

ALTER TABLE public.passwords ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.reviews ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.schema_migrations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.sign_ins ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.uploads ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.usage ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.usage_months ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.users ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_attempts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_deliveries ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_endpoints ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_secrets ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA public TO anon;
GRANT USAGE ON SCHEMA public TO authenticated;
GRANT USAGE ON SCHEMA public TO service_role;

REVOKE ALL ON FUNCTION public.erase_user(erased uuid) FROM PUBLIC;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.jobs TO service_role;

GRANT SELECT(id) ON TABLE public.jobs TO authenticated;

GRANT SELECT(user_id) ON TABLE public.jobs TO authenticated;

GRANT SELECT(batch_id) ON TABLE public.jobs TO authenticated;

GRANT SELECT(kind) ON TABLE public.jobs TO authenticated;

GRANT SELECT(status) ON TABLE public.jobs TO authenticated;

GRANT SELECT(engine) ON TABLE public.jobs TO authenticated;

GRANT SELECT(model) ON TABLE public.jobs TO authenticated;

GRANT SELECT(image_id) ON TABLE public.jobs TO authenticated;

GRANT SELECT(result) ON TABLE public.jobs TO authenticated;

GRANT SELECT(error) ON TABLE public.jobs TO authenticated;

GRANT SELECT(timings) ON TABLE public.jobs TO authenticated;

GRANT SELECT(priority) ON TABLE public.jobs TO authenticated;

GRANT SELECT(progress) ON TABLE public.jobs TO authenticated;

GRANT SELECT(attempt) ON TABLE public.jobs TO authenticated;

GRANT SELECT(crashes) ON TABLE public.jobs TO authenticated;

GRANT SELECT(deadline) ON TABLE public.jobs TO authenticated;

GRANT SELECT(credits) ON TABLE public.jobs TO authenticated;

GRANT SELECT(cost_micros) ON TABLE public.jobs TO authenticated;

GRANT SELECT(version) ON TABLE public.jobs TO authenticated;

GRANT SELECT(created_at) ON TABLE public.jobs TO authenticated;

GRANT SELECT(started_at) ON TABLE public.jobs TO authenticated;

GRANT SELECT(finished_at) ON TABLE public.jobs TO authenticated;

GRANT SELECT(reserved) ON TABLE public.jobs TO authenticated;

GRANT SELECT(engine_reason) ON TABLE public.jobs TO authenticated;

GRANT SELECT ON TABLE public.usage TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.usage TO service_role;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.api_keys TO service_role;

GRANT SELECT(id) ON TABLE public.api_keys TO authenticated;

GRANT SELECT(user_id) ON TABLE public.api_keys TO authenticated;

GRANT SELECT(name) ON TABLE public.api_keys TO authenticated;

GRANT SELECT(prefix) ON TABLE public.api_keys TO authenticated;

GRANT SELECT(scopes) ON TABLE public.api_keys TO authenticated;

GRANT SELECT(created_at) ON TABLE public.api_keys TO authenticated;

GRANT SELECT(expires_at) ON TABLE public.api_keys TO authenticated;

GRANT SELECT(last_used_at) ON TABLE public.api_keys TO authenticated;

GRANT SELECT(revoked_at) ON TABLE public.api_keys TO authenticated;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.audit_log TO service_role;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.batch_items TO service_role;

GRANT SELECT(id) ON TABLE public.batch_items TO authenticated;

GRANT SELECT(batch_id) ON TABLE public.batch_items TO authenticated;

GRANT SELECT(name) ON TABLE public.batch_items TO authenticated;

GRANT SELECT(state) ON TABLE public.batch_items TO authenticated;

GRANT SELECT(error) ON TABLE public.batch_items TO authenticated;

GRANT SELECT(confidence) ON TABLE public.batch_items TO authenticated;

GRANT SELECT(image_id) ON TABLE public.batch_items TO authenticated;

GRANT SELECT(job_id) ON TABLE public.batch_items TO authenticated;

GRANT SELECT(reviewed_at) ON TABLE public.batch_items TO authenticated;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.batches TO service_role;

GRANT SELECT(id) ON TABLE public.batches TO authenticated;

GRANT SELECT(user_id) ON TABLE public.batches TO authenticated;

GRANT SELECT(name) ON TABLE public.batches TO authenticated;

GRANT SELECT(model) ON TABLE public.batches TO authenticated;

GRANT SELECT(options) ON TABLE public.batches TO authenticated;

GRANT SELECT(added_at) ON TABLE public.batches TO authenticated;

GRANT SELECT(closed_at) ON TABLE public.batches TO authenticated;

GRANT SELECT(paused_at) ON TABLE public.batches TO authenticated;

GRANT SELECT(canceled_at) ON TABLE public.batches TO authenticated;

GRANT SELECT(finished_at) ON TABLE public.batches TO authenticated;

GRANT SELECT(created_at) ON TABLE public.batches TO authenticated;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.closed_accounts TO service_role;

GRANT SELECT ON TABLE public.credit_balances TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.credit_balances TO service_role;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.credit_changes TO service_role;

GRANT SELECT ON TABLE public.credit_entries TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.credit_entries TO service_role;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.embeddings TO service_role;

GRANT SELECT(image_id) ON TABLE public.embeddings TO authenticated;

GRANT SELECT(model) ON TABLE public.embeddings TO authenticated;

GRANT SELECT(revision) ON TABLE public.embeddings TO authenticated;

GRANT SELECT(codec) ON TABLE public.embeddings TO authenticated;

GRANT SELECT(bytes) ON TABLE public.embeddings TO authenticated;

GRANT SELECT(created_at) ON TABLE public.embeddings TO authenticated;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.engine_health TO service_role;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.engine_switches TO service_role;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.flag_overrides TO service_role;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.flag_versions TO service_role;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.flags TO service_role;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.idempotency_keys TO service_role;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.images TO service_role;

GRANT SELECT(id) ON TABLE public.images TO authenticated;

GRANT SELECT(user_id) ON TABLE public.images TO authenticated;

GRANT SELECT(sha256) ON TABLE public.images TO authenticated;

GRANT SELECT(width) ON TABLE public.images TO authenticated;

GRANT SELECT(height) ON TABLE public.images TO authenticated;

GRANT SELECT(format) ON TABLE public.images TO authenticated;

GRANT SELECT(bytes) ON TABLE public.images TO authenticated;

GRANT SELECT(filename) ON TABLE public.images TO authenticated;

GRANT SELECT(created_at) ON TABLE public.images TO authenticated;

GRANT SELECT(expires_at) ON TABLE public.images TO authenticated;

GRANT SELECT(deleted_at) ON TABLE public.images TO authenticated;

GRANT SELECT(crop_of) ON TABLE public.images TO authenticated;

GRANT SELECT(box) ON TABLE public.images TO authenticated;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.legacy_images TO service_role;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.legacy_spending TO service_role;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.passwords TO service_role;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.reviews TO service_role;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.sign_ins TO service_role;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.uploads TO service_role;

GRANT SELECT ON TABLE public.usage_months TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.usage_months TO service_role;

GRANT SELECT ON TABLE public.users TO authenticated;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.users TO service_role;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.webhook_attempts TO service_role;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.webhook_deliveries TO service_role;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.webhook_endpoints TO service_role;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.webhook_secrets TO service_role;
