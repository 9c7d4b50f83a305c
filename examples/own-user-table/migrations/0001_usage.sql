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
ALTER TABLE "chat"."run" ADD COLUMN "cached_tokens" bigint;--> statement-breakpoint
ALTER TABLE "chat"."run" ADD COLUMN "reasoning_tokens" bigint;--> statement-breakpoint
ALTER TABLE "chat"."run" ADD COLUMN "finish_reason" text;--> statement-breakpoint
ALTER TABLE "chat"."usage" ADD CONSTRAINT "usage_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "auth"."users"("id") ON DELETE cascade ON UPDATE no action;