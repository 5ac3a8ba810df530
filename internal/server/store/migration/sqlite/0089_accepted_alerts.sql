-- +goose Up
-- Where people had accepted an event of a threshold before levels were kept (0084, which took those of changes only): the version of the
-- newest active alert of each of its lines when they accepted it, as acceptance writes it. What came later was counted in silence.
insert into accepted_level (event_id, head_id, spec_id, series_id, number)
	select e.id, e.head_id, coalesce(r.spec_id, ''), m.series_id, max(v.number) from change_event e
	join alert a on a.event_id = e.id and a.status = 'active'
		and a.created <= (select max(p.time) from change_event_step p where p.event_id = e.id and p.verb = 'accept')
	join report r on r.id = a.report_id and r.testbed_id = e.testbed_id and r.status = 'processed'
	join version v on v.id = r.version_id
	join series s on s.testbed_id = e.testbed_id and s.measure_id = e.measure_id
	join metric m on m.series_id = s.id and m.report_seq = r.seq and m.id = a.metric_id
	where e.state = 'accepted' and e.kind = 'threshold' and not exists (select 1 from accepted_level l where l.event_id = e.id)
	group by e.id, e.head_id, coalesce(r.spec_id, ''), m.series_id;

-- +goose Down
select 1;
