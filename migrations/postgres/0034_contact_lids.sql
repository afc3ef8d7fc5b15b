-- A customer's LID: WhatsApp's id of a user without the phone, in digits. The SQLite twin of this file has the same columns.

-- It is one of contact_identities, kind lid. The triggers see to that as they do for the other ids, also where an older process that
-- runs beside this version adds a contact or changes its phone.
alter table contacts add column lid text;
create unique index contacts_by_lid on contacts (workspace_id, lid);

drop trigger contact_added on contacts;
drop trigger contact_changed on contacts;

create function know_contact_ids() returns trigger language plpgsql as $$
begin
    -- A phone that a customer gave up may get a new owner, in any spelling, and a customer with a new phone has new business-scoped ids.
    if tg_op = 'UPDATE' and old.wa_id is not null and old.wa_id is distinct from new.wa_id then
        delete from contact_identities where contact_id = new.id;
    end if;
    if tg_op = 'UPDATE' and old.bsuid is distinct from new.bsuid then
        delete from contact_identities where contact_id = new.id and kind = 'bsuid' and value = old.bsuid;
    end if;
    if tg_op = 'UPDATE' and old.lid is distinct from new.lid then
        delete from contact_identities where contact_id = new.id and kind = 'lid' and value = old.lid;
    end if;
    insert into contact_identities (workspace_id, kind, value, contact_id)
    select new.workspace_id, 'phone', new.wa_id, new.id where new.wa_id is not null
    on conflict (workspace_id, kind, value) do update set contact_id = excluded.contact_id;
    insert into contact_identities (workspace_id, kind, value, contact_id)
    select new.workspace_id, 'bsuid', new.bsuid, new.id where new.bsuid is not null
    on conflict (workspace_id, kind, value) do update set contact_id = excluded.contact_id;
    insert into contact_identities (workspace_id, kind, value, contact_id)
    select new.workspace_id, 'lid', new.lid, new.id where new.lid is not null
    on conflict (workspace_id, kind, value) do update set contact_id = excluded.contact_id;
    return null;
end
$$;
create trigger contact_added after insert on contacts for each row execute function know_contact_ids();
create trigger contact_changed after update on contacts for each row
    when (old.wa_id is distinct from new.wa_id or old.bsuid is distinct from new.bsuid or old.lid is distinct from new.lid)
    execute function know_contact_ids();
drop function know_contact();
