-- Who holds a conversation, and whose lease has run out: both are asked for every turn, and few turns have a lease at a time.
CREATE INDEX "turns_leased" ON "turns"("conversation_id", "lease_until") WHERE "lease_until" IS NOT NULL;
