CREATE SCHEMA "auth";
--> statement-breakpoint
CREATE SCHEMA "chat";
--> statement-breakpoint
CREATE TABLE "chat"."conversation" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" text NOT NULL,
	"external_id" text,
	"title" text,
	"title_by" text,
	"message_count" integer DEFAULT 0 NOT NULL,
	"indexed_count" integer DEFAULT 0 NOT NULL,
	"head_id" uuid,
	"head_external_id" text,
	"pinned" boolean DEFAULT false NOT NULL,
	"archived" boolean DEFAULT false NOT NULL,
	"metadata" json,
	"model" text,
	"instructions" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"deleted_at" timestamp (3) with time zone,
	CONSTRAINT "conversation_id_user_id_key" UNIQUE("id","user_id"),
	CONSTRAINT "conversation_external_id_check" CHECK (char_length("chat"."conversation"."external_id") between 1 and 255),
	CONSTRAINT "conversation_title_check" CHECK (char_length("chat"."conversation"."title") between 1 and 200),
	CONSTRAINT "conversation_message_count_check" CHECK ("chat"."conversation"."message_count" >= 0)
);
--> statement-breakpoint
CREATE TABLE "chat"."attachment" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" text NOT NULL,
	"content_id" uuid NOT NULL,
	"name" text NOT NULL,
	"media_type" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"check_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "attachment_id_user_id_key" UNIQUE("id","user_id"),
	CONSTRAINT "attachment_name_check" CHECK (char_length("chat"."attachment"."name") between 1 and 255)
);
--> statement-breakpoint
CREATE TABLE "chat"."attachment_content" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" text NOT NULL,
	"hash" text,
	"size" bigint,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "attachment_content_id_user_id_key" UNIQUE("id","user_id"),
	CONSTRAINT "attachment_content_user_id_hash_key" UNIQUE("user_id","hash"),
	CONSTRAINT "attachment_content_hash_check" CHECK ("chat"."attachment_content"."hash" ~ '^[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "chat"."attachment_piece" (
	"content_id" uuid NOT NULL,
	"seq" integer NOT NULL,
	"user_id" text NOT NULL,
	"bytes" "bytea" NOT NULL,
	CONSTRAINT "attachment_piece_pkey" PRIMARY KEY("content_id","seq")
);
--> statement-breakpoint
CREATE TABLE "chat"."attachment_use" (
	"conversation_id" uuid NOT NULL,
	"message_id" uuid NOT NULL,
	"attachment_id" uuid NOT NULL,
	"user_id" text NOT NULL,
	CONSTRAINT "attachment_use_pkey" PRIMARY KEY("conversation_id","message_id","attachment_id")
);
--> statement-breakpoint
CREATE TABLE "chat"."message" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"external_id" text,
	"conversation_id" uuid NOT NULL,
	"user_id" text NOT NULL,
	"seq" integer NOT NULL,
	"parent_id" uuid,
	"parent_external_id" text,
	"role" text NOT NULL,
	"status" text DEFAULT 'complete' NOT NULL,
	"content" text NOT NULL,
	"parts" json,
	"metadata" json,
	"bytes" integer GENERATED ALWAYS AS (octet_length("content") + coalesce(octet_length("parts"::text), 0) + coalesce(octet_length("metadata"::text), 0)) STORED,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"finish_reason" text,
	"revision" integer DEFAULT 1 NOT NULL,
	"updated_at" timestamp (3) with time zone,
	CONSTRAINT "message_conversation_id_seq_key" UNIQUE("conversation_id","seq"),
	CONSTRAINT "message_external_id_check" CHECK (char_length("chat"."message"."external_id") between 1 and 255),
	CONSTRAINT "message_role_check" CHECK ("chat"."message"."role" in ('user', 'assistant', 'system', 'tool')),
	CONSTRAINT "message_status_check" CHECK ("chat"."message"."status" in ('complete', 'streaming', 'stopped', 'failed', 'interrupted', 'deleted')),
	CONSTRAINT "message_seq_check" CHECK ("chat"."message"."seq" >= 1)
);
--> statement-breakpoint
CREATE TABLE "chat"."run" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"conversation_id" uuid NOT NULL,
	"user_id" text NOT NULL,
	"message_id" uuid NOT NULL,
	"status" text DEFAULT 'running' NOT NULL,
	"server" text NOT NULL,
	"epoch" integer DEFAULT 1 NOT NULL,
	"heartbeat_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"stop_requested_at" timestamp (3) with time zone,
	"followed_at" timestamp (3) with time zone,
	"started_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp (3) with time zone,
	"error_code" text,
	"error" text,
	"model" text,
	"input_tokens" bigint,
	"output_tokens" bigint,
	"cached_tokens" bigint,
	"reasoning_tokens" bigint,
	"finish_reason" text,
	CONSTRAINT "run_id_user_id_key" UNIQUE("id","user_id"),
	CONSTRAINT "run_status_check" CHECK ("chat"."run"."status" in ('running', 'completed', 'stopped', 'failed', 'interrupted'))
);
--> statement-breakpoint
CREATE TABLE "chat"."run_chunk" (
	"run_id" uuid NOT NULL,
	"seq" integer NOT NULL,
	"user_id" text NOT NULL,
	"chunk" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "run_chunk_pkey" PRIMARY KEY("run_id","seq")
);
--> statement-breakpoint
CREATE TABLE "chat"."search_block" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" text NOT NULL,
	"oldest" timestamp (3) with time zone NOT NULL,
	"newest" timestamp (3) with time zone NOT NULL,
	"message_ids" uuid[] NOT NULL,
	"conversation_ids" uuid[] NOT NULL,
	CONSTRAINT "search_block_id_user_id_key" UNIQUE("id","user_id")
);
--> statement-breakpoint
CREATE TABLE "chat"."search_pending" (
	"user_id" text NOT NULL,
	"message_id" uuid NOT NULL,
	CONSTRAINT "search_pending_pkey" PRIMARY KEY("user_id","message_id")
);
--> statement-breakpoint
CREATE TABLE "chat"."search_words" (
	"block_id" uuid NOT NULL,
	"bucket" integer NOT NULL,
	"user_id" text NOT NULL,
	"words" text NOT NULL,
	CONSTRAINT "search_words_pkey" PRIMARY KEY("block_id","bucket")
);
--> statement-breakpoint
CREATE TABLE "chat"."usage" (
	"user_id" text NOT NULL,
	"day" date NOT NULL,
	"model" text NOT NULL,
	"replies" bigint NOT NULL,
	"input_tokens" bigint NOT NULL,
	"output_tokens" bigint NOT NULL,
	"cached_tokens" bigint NOT NULL,
	"reasoning_tokens" bigint NOT NULL,
	CONSTRAINT "usage_pkey" PRIMARY KEY("user_id","day","model")
);
--> statement-breakpoint
CREATE TABLE "auth"."users" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	CONSTRAINT "users_name_unique" UNIQUE("name")
);
--> statement-breakpoint
ALTER TABLE "chat"."conversation" ADD CONSTRAINT "conversation_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat"."attachment" ADD CONSTRAINT "attachment_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat"."attachment" ADD CONSTRAINT "attachment_content_id_user_id_fkey" FOREIGN KEY ("content_id","user_id") REFERENCES "chat"."attachment_content"("id","user_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat"."attachment_content" ADD CONSTRAINT "attachment_content_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat"."attachment_piece" ADD CONSTRAINT "attachment_piece_content_id_user_id_fkey" FOREIGN KEY ("content_id","user_id") REFERENCES "chat"."attachment_content"("id","user_id") ON DELETE cascade ON UPDATE cascade;--> statement-breakpoint
ALTER TABLE "chat"."attachment_use" ADD CONSTRAINT "attachment_use_conversation_id_user_id_fkey" FOREIGN KEY ("conversation_id","user_id") REFERENCES "chat"."conversation"("id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat"."attachment_use" ADD CONSTRAINT "attachment_use_attachment_id_user_id_fkey" FOREIGN KEY ("attachment_id","user_id") REFERENCES "chat"."attachment"("id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat"."message" ADD CONSTRAINT "message_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat"."message" ADD CONSTRAINT "message_conversation_id_user_id_fkey" FOREIGN KEY ("conversation_id","user_id") REFERENCES "chat"."conversation"("id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat"."run" ADD CONSTRAINT "run_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat"."run" ADD CONSTRAINT "run_conversation_id_user_id_fkey" FOREIGN KEY ("conversation_id","user_id") REFERENCES "chat"."conversation"("id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat"."run_chunk" ADD CONSTRAINT "run_chunk_run_id_user_id_fkey" FOREIGN KEY ("run_id","user_id") REFERENCES "chat"."run"("id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat"."search_block" ADD CONSTRAINT "search_block_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat"."search_pending" ADD CONSTRAINT "search_pending_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat"."search_words" ADD CONSTRAINT "search_words_block_id_user_id_fkey" FOREIGN KEY ("block_id","user_id") REFERENCES "chat"."search_block"("id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "chat"."usage" ADD CONSTRAINT "usage_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "conversation_user_id_archived_updated_at_id_idx" ON "chat"."conversation" USING btree ("user_id","archived","updated_at","id") WHERE "chat"."conversation"."expires_at" is null;--> statement-breakpoint
CREATE INDEX "conversation_unindexed_idx" ON "chat"."conversation" USING btree ("user_id","id") WHERE "chat"."conversation"."message_count" > "chat"."conversation"."indexed_count" and "chat"."conversation"."expires_at" is null;--> statement-breakpoint
CREATE INDEX "conversation_pinned_idx" ON "chat"."conversation" USING btree ("user_id","updated_at","id") WHERE "chat"."conversation"."pinned" and "chat"."conversation"."expires_at" is null;--> statement-breakpoint
CREATE INDEX "conversation_trash_idx" ON "chat"."conversation" USING btree ("user_id","deleted_at","id") WHERE "chat"."conversation"."deleted_at" is not null;--> statement-breakpoint
CREATE INDEX "conversation_expires_at_idx" ON "chat"."conversation" USING btree ("expires_at") WHERE "chat"."conversation"."expires_at" is not null;--> statement-breakpoint
CREATE INDEX "conversation_metadata_idx" ON "chat"."conversation" USING gin (jsonb_set('{}', array["user_id"::text], "metadata"::jsonb) jsonb_path_ops) WHERE "chat"."conversation"."metadata" is not null;--> statement-breakpoint
CREATE INDEX "attachment_user_id_created_at_id_idx" ON "chat"."attachment" USING btree ("user_id","created_at","id");--> statement-breakpoint
CREATE INDEX "attachment_content_id_idx" ON "chat"."attachment" USING btree ("content_id");--> statement-breakpoint
CREATE INDEX "attachment_check_at_idx" ON "chat"."attachment" USING btree ("check_at");--> statement-breakpoint
CREATE INDEX "attachment_content_unfinished_idx" ON "chat"."attachment_content" USING btree ("created_at") WHERE "chat"."attachment_content"."hash" is null;--> statement-breakpoint
CREATE INDEX "attachment_use_attachment_id_idx" ON "chat"."attachment_use" USING btree ("attachment_id");--> statement-breakpoint
CREATE INDEX "message_user_id_id_idx" ON "chat"."message" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "message_conversation_id_parent_id_idx" ON "chat"."message" USING btree ("conversation_id","parent_id");--> statement-breakpoint
CREATE UNIQUE INDEX "run_running_key" ON "chat"."run" USING btree ("conversation_id") WHERE "chat"."run"."status" = 'running';--> statement-breakpoint
CREATE INDEX "run_user_id_conversation_id_started_at_idx" ON "chat"."run" USING btree ("user_id","conversation_id","started_at");--> statement-breakpoint
CREATE INDEX "search_block_user_id_newest_id_idx" ON "chat"."search_block" USING btree ("user_id","newest","id");