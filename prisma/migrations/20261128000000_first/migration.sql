-- CreateTable
CREATE TABLE "people" (
    "id" TEXT NOT NULL,
    "platform" TEXT NOT NULL,
    "workspace" TEXT NOT NULL,
    "external_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "noticed_at" TIMESTAMP(3),
    "train_opt_in" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "people_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "conversations" (
    "id" TEXT NOT NULL,
    "platform" TEXT NOT NULL,
    "workspace" TEXT NOT NULL,
    "channel" TEXT NOT NULL,
    "character" TEXT,
    "silent" BOOLEAN NOT NULL DEFAULT false,
    "crisis_at" TIMESTAMP(3),
    "handed_off_at" TIMESTAMP(3),
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "conversations_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "messages" (
    "id" TEXT NOT NULL,
    "inbound_key" TEXT NOT NULL,
    "conversation_id" TEXT NOT NULL,
    "person_id" TEXT,
    "turn_id" TEXT,
    "text" TEXT,
    "source" TEXT NOT NULL,
    "train_ok" BOOLEAN NOT NULL DEFAULT false,
    "character" TEXT,
    "address" JSONB NOT NULL,
    "direct" BOOLEAN NOT NULL,
    "sent_at" TIMESTAMP(3) NOT NULL,
    "received_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "messages_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "turns" (
    "id" TEXT NOT NULL,
    "conversation_id" TEXT NOT NULL,
    "person_id" TEXT,
    "state" TEXT NOT NULL DEFAULT 'open',
    "lease_owner" TEXT,
    "lease_until" TIMESTAMP(3),
    "opened_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "closed_at" TIMESTAMP(3),

    CONSTRAINT "turns_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "reads" (
    "turn_id" TEXT NOT NULL,
    "emotions" JSONB NOT NULL,
    "detected" TEXT[],
    "sentiment" JSONB NOT NULL,
    "intent" JSONB NOT NULL,
    "safety" TEXT NOT NULL DEFAULT 'none',
    "versions" JSONB NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "reads_pkey" PRIMARY KEY ("turn_id")
);

-- CreateTable
CREATE TABLE "replies" (
    "id" TEXT NOT NULL,
    "turn_id" TEXT NOT NULL,
    "conversation_id" TEXT NOT NULL,
    "person_id" TEXT,
    "character" TEXT NOT NULL,
    "character_version" TEXT NOT NULL,
    "text" TEXT,
    "expression" TEXT NOT NULL,
    "source" JSONB NOT NULL,
    "line" TEXT,
    "intent" JSONB NOT NULL,
    "mood" JSONB NOT NULL,
    "candidates" JSONB NOT NULL,
    "versions" JSONB NOT NULL,
    "prompt_version" TEXT,
    "timing" JSONB NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "replies_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "outbox" (
    "id" TEXT NOT NULL,
    "reply_id" TEXT NOT NULL,
    "platform" TEXT NOT NULL,
    "address" JSONB NOT NULL,
    "notice" TEXT,
    "state" TEXT NOT NULL DEFAULT 'pending',
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "error" TEXT,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "sent_at" TIMESTAMP(3),

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "sent_messages" (
    "platform" TEXT NOT NULL,
    "workspace" TEXT NOT NULL,
    "message_id" TEXT NOT NULL,
    "reply_id" TEXT NOT NULL,
    "sent_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "sent_messages_pkey" PRIMARY KEY ("platform","workspace","message_id")
);

-- CreateTable
CREATE TABLE "votes" (
    "reply_id" TEXT NOT NULL,
    "person_id" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "reason" TEXT,
    "via" TEXT NOT NULL,
    "at" TIMESTAMP(3) NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "votes_pkey" PRIMARY KEY ("reply_id","person_id")
);

-- CreateTable
CREATE TABLE "moods" (
    "person_id" TEXT NOT NULL,
    "conversation_id" TEXT NOT NULL,
    "character" TEXT NOT NULL,
    "scores" JSONB NOT NULL,
    "turns" INTEGER NOT NULL DEFAULT 0,
    "last_turn_id" TEXT,
    "updated_at" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "moods_pkey" PRIMARY KEY ("person_id","conversation_id","character")
);

-- CreateIndex
CREATE UNIQUE INDEX "people_platform_workspace_external_id_key" ON "people"("platform", "workspace", "external_id");

-- CreateIndex
CREATE UNIQUE INDEX "conversations_platform_workspace_channel_key" ON "conversations"("platform", "workspace", "channel");

-- CreateIndex
CREATE UNIQUE INDEX "messages_inbound_key_key" ON "messages"("inbound_key");

-- CreateIndex
CREATE INDEX "messages_conversation_id_turn_id_received_at_idx" ON "messages"("conversation_id", "turn_id", "received_at");

-- CreateIndex
CREATE INDEX "messages_turn_id_idx" ON "messages"("turn_id");

-- CreateIndex
CREATE INDEX "messages_person_id_idx" ON "messages"("person_id");

-- CreateIndex
CREATE INDEX "turns_conversation_id_opened_at_idx" ON "turns"("conversation_id", "opened_at");

-- CreateIndex
CREATE INDEX "turns_person_id_opened_at_idx" ON "turns"("person_id", "opened_at");

-- CreateIndex
CREATE UNIQUE INDEX "replies_turn_id_key" ON "replies"("turn_id");

-- CreateIndex
CREATE INDEX "replies_conversation_id_created_at_idx" ON "replies"("conversation_id", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "outbox_reply_id_key" ON "outbox"("reply_id");

-- CreateIndex
CREATE INDEX "outbox_state_created_at_idx" ON "outbox"("state", "created_at");

-- CreateIndex
CREATE INDEX "sent_messages_reply_id_idx" ON "sent_messages"("reply_id");

-- CreateIndex
CREATE INDEX "votes_person_id_idx" ON "votes"("person_id");

-- CreateIndex
CREATE INDEX "moods_conversation_id_idx" ON "moods"("conversation_id");

-- AddForeignKey
ALTER TABLE "messages" ADD CONSTRAINT "messages_conversation_id_fkey" FOREIGN KEY ("conversation_id") REFERENCES "conversations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "messages" ADD CONSTRAINT "messages_person_id_fkey" FOREIGN KEY ("person_id") REFERENCES "people"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "messages" ADD CONSTRAINT "messages_turn_id_fkey" FOREIGN KEY ("turn_id") REFERENCES "turns"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "turns" ADD CONSTRAINT "turns_conversation_id_fkey" FOREIGN KEY ("conversation_id") REFERENCES "conversations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "turns" ADD CONSTRAINT "turns_person_id_fkey" FOREIGN KEY ("person_id") REFERENCES "people"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "reads" ADD CONSTRAINT "reads_turn_id_fkey" FOREIGN KEY ("turn_id") REFERENCES "turns"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "replies" ADD CONSTRAINT "replies_turn_id_fkey" FOREIGN KEY ("turn_id") REFERENCES "turns"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "replies" ADD CONSTRAINT "replies_conversation_id_fkey" FOREIGN KEY ("conversation_id") REFERENCES "conversations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "outbox" ADD CONSTRAINT "outbox_reply_id_fkey" FOREIGN KEY ("reply_id") REFERENCES "replies"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sent_messages" ADD CONSTRAINT "sent_messages_reply_id_fkey" FOREIGN KEY ("reply_id") REFERENCES "replies"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "votes" ADD CONSTRAINT "votes_reply_id_fkey" FOREIGN KEY ("reply_id") REFERENCES "replies"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "votes" ADD CONSTRAINT "votes_person_id_fkey" FOREIGN KEY ("person_id") REFERENCES "people"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "moods" ADD CONSTRAINT "moods_person_id_fkey" FOREIGN KEY ("person_id") REFERENCES "people"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "moods" ADD CONSTRAINT "moods_conversation_id_fkey" FOREIGN KEY ("conversation_id") REFERENCES "conversations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What Prisma's schema cannot say: one open turn a conversation, and the sweeper's short lists.
CREATE UNIQUE INDEX "turns_one_open" ON "turns"("conversation_id") WHERE "state" = 'open';

CREATE INDEX "messages_pending" ON "messages"("conversation_id", "received_at") WHERE "turn_id" IS NULL;
