-- What WhatsApp says beside a message. The Postgres twin of this file has the same columns.

-- referral: the advertisement or post from which a customer wrote, as JSON. pricing: what WhatsApp charges for a sent message, as JSON.
alter table messages add column referral text;
alter table messages add column pricing text;
