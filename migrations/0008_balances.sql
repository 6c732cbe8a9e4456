-- What a user has left (DESIGN §7): granted - spent - held, never below zero where credits are paid for beforehand.

alter table credit_entries add column granted integer not null default 0;  -- milli-credits: given, or taken back
alter table credit_entries add column note text;
alter table credit_entries drop constraint credit_entries_entry_kind_check;
alter table credit_entries add constraint credit_entries_entry_kind_check
    check (entry_kind in ('grant', 'reserve', 'settle', 'release') and (entry_kind = 'grant') = (job_id is null));


create table credit_balances (
    user_id uuid primary key references users,
    plan text not null default 'prepaid' check (plan in ('prepaid', 'unmetered')),  -- unmetered: counted, never refused
    granted bigint not null default 0,
    held bigint not null default 0,
    spent bigint not null default 0,
    constraint credits_left check (plan <> 'prepaid' or granted - held - spent >= 0)
);

-- Who ends jobs must not wait for who makes them, nor two who end many for each other: a settlement takes no lock on the
-- balance, it leaves its change here. It never makes the balance smaller, so who spends next may take it up.
create table credit_changes (
    user_id uuid not null references users,
    held bigint not null,
    spent bigint not null
);
create index credit_changes_of_user on credit_changes (user_id);


create function open_balance() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    insert into credit_balances (user_id) values (new.id);
    return null;
end $$;

create trigger users_balance after insert on users for each row execute function open_balance();


create function apply_entry() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
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

create trigger credit_entries_applied after insert on credit_entries
    for each row execute function apply_entry();


-- Who was here before there were credits goes on as before.
insert into credit_balances (user_id, plan, held, spent)
select users.id, 'unmetered', coalesce(sum(held), 0), coalesce(sum(spent), 0)
from users left join credit_entries on user_id = users.id
group by users.id;


alter table credit_balances enable row level security;
alter table credit_changes enable row level security;
create policy own_row on credit_balances for select to authenticated using (user_id = auth.uid());
revoke all on credit_balances, credit_changes from anon, authenticated;
grant select on credit_balances to authenticated;
grant select, insert, update, delete on credit_balances, credit_changes to service_role;
