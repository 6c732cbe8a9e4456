-- Files that a killed or canceled run may have left: looked for once the job has ended (DESIGN §8: each effect once).
alter table jobs add column leftovers boolean not null default false;
create index jobs_leftovers on jobs (id) where leftovers and finished_at is not null;
