-- A customer's LID: WhatsApp's id of a user without the phone, in digits. The Postgres twin of this file has the same columns.

-- It is one of contact_identities, kind lid. The triggers see to that as they do for the other ids, also where an older process that
-- runs beside this version adds a contact or changes its phone.
alter table contacts add column lid text;
create unique index contacts_by_lid on contacts (workspace_id, lid);

drop trigger contact_added;
drop trigger contact_phone_changed;

create trigger contact_added after insert on contacts begin
    insert into contact_identities (workspace_id, kind, value, contact_id)
    select new.workspace_id, 'phone', new.wa_id, new.id where new.wa_id is not null
    on conflict (workspace_id, kind, value) do update set contact_id = excluded.contact_id;
    insert into contact_identities (workspace_id, kind, value, contact_id)
    select new.workspace_id, 'bsuid', new.bsuid, new.id where new.bsuid is not null
    on conflict (workspace_id, kind, value) do update set contact_id = excluded.contact_id;
    insert into contact_identities (workspace_id, kind, value, contact_id)
    select new.workspace_id, 'lid', new.lid, new.id where new.lid is not null
    on conflict (workspace_id, kind, value) do update set contact_id = excluded.contact_id;
end;

-- A phone that a customer gave up may get a new owner, in any spelling, and a customer with a new phone has new business-scoped ids.
create trigger contact_phone_changed after update of wa_id on contacts when old.wa_id is not new.wa_id begin
    delete from contact_identities where contact_id = new.id and old.wa_id is not null;
    insert into contact_identities (workspace_id, kind, value, contact_id)
    select new.workspace_id, 'phone', new.wa_id, new.id where new.wa_id is not null
    on conflict (workspace_id, kind, value) do update set contact_id = excluded.contact_id;
    insert into contact_identities (workspace_id, kind, value, contact_id)
    select new.workspace_id, 'bsuid', new.bsuid, new.id where new.bsuid is not null
    on conflict (workspace_id, kind, value) do update set contact_id = excluded.contact_id;
    insert into contact_identities (workspace_id, kind, value, contact_id)
    select new.workspace_id, 'lid', new.lid, new.id where new.lid is not null
    on conflict (workspace_id, kind, value) do update set contact_id = excluded.contact_id;
end;

create trigger contact_lid_changed after update of lid on contacts when old.lid is not new.lid begin
    delete from contact_identities where contact_id = new.id and kind = 'lid' and value = old.lid;
    insert into contact_identities (workspace_id, kind, value, contact_id)
    select new.workspace_id, 'lid', new.lid, new.id where new.lid is not null
    on conflict (workspace_id, kind, value) do update set contact_id = excluded.contact_id;
end;
