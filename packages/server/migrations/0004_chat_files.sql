CREATE TABLE "attachment" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" uuid NOT NULL,
	"content_id" uuid NOT NULL,
	"name" text NOT NULL,
	"media_type" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"check_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "attachment_id_user_id_key" UNIQUE("id","user_id"),
	CONSTRAINT "attachment_name_check" CHECK (char_length("attachment"."name") between 1 and 255)
);
--> statement-breakpoint
CREATE TABLE "attachment_content" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" uuid NOT NULL,
	"hash" text,
	"size" bigint,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "attachment_content_id_user_id_key" UNIQUE("id","user_id"),
	CONSTRAINT "attachment_content_user_id_hash_key" UNIQUE("user_id","hash"),
	CONSTRAINT "attachment_content_hash_check" CHECK ("attachment_content"."hash" ~ '^[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "attachment_piece" (
	"content_id" uuid NOT NULL,
	"seq" integer NOT NULL,
	"user_id" uuid NOT NULL,
	"bytes" "bytea" NOT NULL,
	CONSTRAINT "attachment_piece_pkey" PRIMARY KEY("content_id","seq")
);
--> statement-breakpoint
CREATE TABLE "attachment_use" (
	"conversation_id" uuid NOT NULL,
	"message_id" uuid NOT NULL,
	"attachment_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	CONSTRAINT "attachment_use_pkey" PRIMARY KEY("conversation_id","message_id","attachment_id")
);
--> statement-breakpoint
ALTER TABLE "attachment" ADD CONSTRAINT "attachment_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attachment" ADD CONSTRAINT "attachment_content_id_user_id_fkey" FOREIGN KEY ("content_id","user_id") REFERENCES "attachment_content"("id","user_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attachment_content" ADD CONSTRAINT "attachment_content_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attachment_piece" ADD CONSTRAINT "attachment_piece_content_id_user_id_fkey" FOREIGN KEY ("content_id","user_id") REFERENCES "attachment_content"("id","user_id") ON DELETE cascade ON UPDATE cascade;--> statement-breakpoint
ALTER TABLE "attachment_use" ADD CONSTRAINT "attachment_use_conversation_id_user_id_fkey" FOREIGN KEY ("conversation_id","user_id") REFERENCES "conversation"("id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attachment_use" ADD CONSTRAINT "attachment_use_attachment_id_user_id_fkey" FOREIGN KEY ("attachment_id","user_id") REFERENCES "attachment"("id","user_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "attachment_user_id_created_at_id_idx" ON "attachment" USING btree ("user_id","created_at","id");--> statement-breakpoint
CREATE INDEX "attachment_content_id_idx" ON "attachment" USING btree ("content_id");--> statement-breakpoint
CREATE INDEX "attachment_check_at_idx" ON "attachment" USING btree ("check_at");--> statement-breakpoint
CREATE INDEX "attachment_content_unfinished_idx" ON "attachment_content" USING btree ("created_at") WHERE "attachment_content"."hash" is null;--> statement-breakpoint
CREATE INDEX "attachment_use_attachment_id_idx" ON "attachment_use" USING btree ("attachment_id");--> statement-breakpoint
DO $$
DECLARE allowed text := (
  SELECT pg_get_expr(polqual, polrelid) FROM pg_policy
  WHERE polrelid = to_regclass('"conversation"') AND polname = 'chatkeep_owner');
BEGIN
  IF allowed IS NOT NULL THEN
    ALTER TABLE "attachment" ENABLE ROW LEVEL SECURITY;
    ALTER TABLE "attachment" FORCE ROW LEVEL SECURITY;
    EXECUTE 'CREATE POLICY "chatkeep_owner" ON "attachment" USING (' || allowed || ')';
    ALTER TABLE "attachment_content" ENABLE ROW LEVEL SECURITY;
    ALTER TABLE "attachment_content" FORCE ROW LEVEL SECURITY;
    EXECUTE 'CREATE POLICY "chatkeep_owner" ON "attachment_content" USING (' || allowed || ')';
    ALTER TABLE "attachment_piece" ENABLE ROW LEVEL SECURITY;
    ALTER TABLE "attachment_piece" FORCE ROW LEVEL SECURITY;
    EXECUTE 'CREATE POLICY "chatkeep_owner" ON "attachment_piece" USING (' || allowed || ')';
    ALTER TABLE "attachment_use" ENABLE ROW LEVEL SECURITY;
    ALTER TABLE "attachment_use" FORCE ROW LEVEL SECURITY;
    EXECUTE 'CREATE POLICY "chatkeep_owner" ON "attachment_use" USING (' || allowed || ')';
  END IF;
END $$;
