-- Mails to send and sent.

CREATE TABLE outgoing_mail (
    id UUID NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT outgoing_mail_pkey PRIMARY KEY (id)
);
CREATE INDEX outgoing_mail_recipient_idx ON outgoing_mail (recipient, id);

GRANT SELECT, INSERT ON outgoing_mail TO beatrice_app;
GRANT SELECT, INSERT, UPDATE ON outgoing_mail TO beatrice_worker;
GRANT INSERT ON outgoing_mail TO beatrice_hr;
