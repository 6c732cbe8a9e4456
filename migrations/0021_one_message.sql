-- A job of a batch is told with its batch (0014), a shadow to nobody (0016): both at once.
drop trigger jobs_deliveries on jobs;
create trigger jobs_deliveries after update of status on jobs
    for each row when (
        old.finished_at is null and new.finished_at is not null and new.batch_id is null and new.kind <> 'shadow')
    execute function write_deliveries();
