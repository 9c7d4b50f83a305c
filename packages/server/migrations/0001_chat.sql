CREATE TABLE "conversation" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" uuid NOT NULL,
	"external_id" text,
	"title" text,
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
	CONSTRAINT "conversation_id_user_id_key" UNIQUE("id","user_id"),
	CONSTRAINT "conversation_external_id_check" CHECK (char_length("conversation"."external_id") between 1 and 255),
	CONSTRAINT "conversation_title_check" CHECK (char_length("conversation"."title") between 1 and 200),
	CONSTRAINT "conversation_message_count_check" CHECK ("conversation"."message_count" >= 0)
);
--> statement-breakpoint
CREATE TABLE "message" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"external_id" text,
	"conversation_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
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
	CONSTRAINT "message_external_id_check" CHECK (char_length("message"."external_id") between 1 and 255),
	CONSTRAINT "message_role_check" CHECK ("message"."role" in ('user', 'assistant', 'system', 'tool')),
	CONSTRAINT "message_status_check" CHECK ("message"."status" in ('complete', 'streaming', 'stopped', 'failed', 'interrupted', 'deleted')),
	CONSTRAINT "message_seq_check" CHECK ("message"."seq" >= 1)
);
--> statement-breakpoint
CREATE TABLE "run" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"conversation_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
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
	CONSTRAINT "run_id_user_id_key" UNIQUE("id","user_id"),
	CONSTRAINT "run_status_check" CHECK ("run"."status" in ('running', 'completed', 'stopped', 'failed', 'interrupted'))
);
--> statement-breakpoint
CREATE TABLE "run_chunk" (
	"run_id" uuid NOT NULL,
	"seq" integer NOT NULL,
	"user_id" uuid NOT NULL,
	"chunk" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "run_chunk_pkey" PRIMARY KEY("run_id","seq")
);
--> statement-breakpoint
CREATE TABLE "search_block" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" uuid NOT NULL,
	"oldest" timestamp (3) with time zone NOT NULL,
	"newest" timestamp (3) with time zone NOT NULL,
	"message_ids" uuid[] NOT NULL,
	"conversation_ids" uuid[] NOT NULL,
	CONSTRAINT "search_block_id_user_id_key" UNIQUE("id","user_id")
);
--> statement-breakpoint
CREATE TABLE "search_pending" (
	"user_id" uuid NOT NULL,
	"message_id" uuid NOT NULL,
	CONSTRAINT "search_pending_pkey" PRIMARY KEY("user_id","message_id")
);
--> statement-breakpoint
CREATE TABLE "search_words" (
	"block_id" uuid NOT NULL,
	"bucket" integer NOT NULL,
	"user_id" uuid NOT NULL,
	"words" text NOT NULL,
	CONSTRAINT "search_words_pkey" PRIMARY KEY("block_id","bucket")
);
--> statement-breakpoint
ALTER TABLE "conversation" ADD CONSTRAINT "conversation_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "message" ADD CONSTRAINT "message_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "message" ADD CONSTRAINT "message_conversation_id_user_id_fkey" FOREIGN KEY ("conversation_id","user_id") REFERENCES "conversation"("id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run" ADD CONSTRAINT "run_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run" ADD CONSTRAINT "run_conversation_id_user_id_fkey" FOREIGN KEY ("conversation_id","user_id") REFERENCES "conversation"("id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_chunk" ADD CONSTRAINT "run_chunk_run_id_user_id_fkey" FOREIGN KEY ("run_id","user_id") REFERENCES "run"("id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "search_block" ADD CONSTRAINT "search_block_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "search_pending" ADD CONSTRAINT "search_pending_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "search_words" ADD CONSTRAINT "search_words_block_id_user_id_fkey" FOREIGN KEY ("block_id","user_id") REFERENCES "search_block"("id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "conversation_user_id_archived_updated_at_id_idx" ON "conversation" USING btree ("user_id","archived","updated_at","id") WHERE "conversation"."expires_at" is null;--> statement-breakpoint
CREATE INDEX "conversation_unindexed_idx" ON "conversation" USING btree ("user_id","id") WHERE "conversation"."message_count" > "conversation"."indexed_count" and "conversation"."expires_at" is null;--> statement-breakpoint
CREATE INDEX "conversation_pinned_idx" ON "conversation" USING btree ("user_id","updated_at","id") WHERE "conversation"."pinned" and "conversation"."expires_at" is null;--> statement-breakpoint
CREATE INDEX "conversation_expires_at_idx" ON "conversation" USING btree ("expires_at") WHERE "conversation"."expires_at" is not null;--> statement-breakpoint
CREATE INDEX "conversation_metadata_idx" ON "conversation" USING gin (jsonb_set('{}', array["user_id"::text], "metadata"::jsonb) jsonb_path_ops) WHERE "conversation"."metadata" is not null;--> statement-breakpoint
CREATE INDEX "message_user_id_id_idx" ON "message" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "message_conversation_id_parent_id_idx" ON "message" USING btree ("conversation_id","parent_id");--> statement-breakpoint
CREATE UNIQUE INDEX "run_running_key" ON "run" USING btree ("conversation_id") WHERE "run"."status" = 'running';--> statement-breakpoint
CREATE INDEX "run_user_id_conversation_id_started_at_idx" ON "run" USING btree ("user_id","conversation_id","started_at");--> statement-breakpoint
CREATE INDEX "search_block_user_id_newest_id_idx" ON "search_block" USING btree ("user_id","newest","id");