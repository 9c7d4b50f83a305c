CREATE TABLE "attachment_object" (
	"content_id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"count" integer DEFAULT 0 NOT NULL,
	"check_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE INDEX "attachment_object_user_id_idx" ON "attachment_object" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "attachment_object_check_at_idx" ON "attachment_object" USING btree ("check_at");--> statement-breakpoint
DO $$
DECLARE allowed text := (
  SELECT pg_get_expr(polqual, polrelid) FROM pg_policy
  WHERE polrelid = to_regclass('"conversation"') AND polname = 'chatkeep_owner');
BEGIN
  IF allowed IS NOT NULL THEN
    ALTER TABLE "attachment_object" ENABLE ROW LEVEL SECURITY;
    ALTER TABLE "attachment_object" FORCE ROW LEVEL SECURITY;
    EXECUTE 'CREATE POLICY "chatkeep_owner" ON "attachment_object" USING (' || allowed || ')';
  END IF;
END $$;
