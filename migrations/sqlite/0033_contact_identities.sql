-- Every id by which a customer is known. The Postgres twin of this file has the same tables and columns.

-- The contact of an id. kind: phone (digits) or bsuid (business-scoped user id). contacts.wa_id and contacts.bsuid, by which messages are
-- sent, are among them: the triggers see to that, also for an older process that runs beside this version. Others are another spelling
-- of the phone, or the id that another business portfolio knows the customer by.
create table contact_identities (
    workspace_id  text not null references workspaces (id),
    kind          text not null,
    value         text not null,
    contact_id    text not null references contacts (id) on delete cascade,
    primary key (workspace_id, kind, value)
) strict;
create index contact_identities_of_contact on contact_identities (contact_id);

insert into contact_identities (workspace_id, kind, value, contact_id)
select workspace_id, 'phone', wa_id, id from contacts where wa_id is not null;
insert into contact_identities (workspace_id, kind, value, contact_id)
select workspace_id, 'bsuid', bsuid, id from contacts where bsuid is not null;

create trigger contact_added after insert on contacts begin
    insert into contact_identities (workspace_id, kind, value, contact_id)
    select new.workspace_id, 'phone', new.wa_id, new.id where new.wa_id is not null
    on conflict (workspace_id, kind, value) do update set contact_id = excluded.contact_id;
    insert into contact_identities (workspace_id, kind, value, contact_id)
    select new.workspace_id, 'bsuid', new.bsuid, new.id where new.bsuid is not null
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
end;

create trigger contact_bsuid_changed after update of bsuid on contacts when old.bsuid is not new.bsuid begin
    delete from contact_identities where contact_id = new.id and kind = 'bsuid' and value = old.bsuid;
    insert into contact_identities (workspace_id, kind, value, contact_id)
    select new.workspace_id, 'bsuid', new.bsuid, new.id where new.bsuid is not null
    on conflict (workspace_id, kind, value) do update set contact_id = excluded.contact_id;
end;
