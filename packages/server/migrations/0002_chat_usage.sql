CREATE TABLE "usage" (
	"user_id" uuid NOT NULL,
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
ALTER TABLE "run" ADD COLUMN "cached_tokens" bigint;--> statement-breakpoint
ALTER TABLE "run" ADD COLUMN "reasoning_tokens" bigint;--> statement-breakpoint
ALTER TABLE "run" ADD COLUMN "finish_reason" text;--> statement-breakpoint
ALTER TABLE "usage" ADD CONSTRAINT "usage_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
DO $$
DECLARE allowed text := (
  SELECT pg_get_expr(polqual, polrelid) FROM pg_policy
  WHERE polrelid = to_regclass('"conversation"') AND polname = 'chatkeep_owner');
BEGIN
  IF allowed IS NOT NULL THEN
    ALTER TABLE "usage" ENABLE ROW LEVEL SECURITY;
    ALTER TABLE "usage" FORCE ROW LEVEL SECURITY;
    EXECUTE 'CREATE POLICY "chatkeep_owner" ON "usage" USING (' || allowed || ')';
  END IF;
END $$;
--> statement-breakpoint
-- in batches
WITH batch AS (
  SELECT DISTINCT user_id FROM "run"
  WHERE $1::text IS NULL OR user_id > CAST($1::text AS uuid)
  ORDER BY user_id LIMIT 500
), counted AS (
  INSERT INTO "usage" (user_id, day, model, replies, input_tokens, output_tokens, cached_tokens, reasoning_tokens)
  SELECT r.user_id, (coalesce(r.finished_at, r.started_at) AT TIME ZONE 'UTC')::date, coalesce(r.model, ''), count(*),
    coalesce(sum(r.input_tokens), 0), coalesce(sum(r.output_tokens), 0), 0, 0
  FROM "run" r JOIN batch USING (user_id)
  WHERE r.status <> 'running'
  GROUP BY 1, 2, 3
)
SELECT (SELECT user_id::text FROM batch ORDER BY user_id DESC LIMIT 1);
