CREATE TABLE "feedback" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"conversation_row_id" uuid NOT NULL,
	"conversation_id" text NOT NULL,
	"message_id" text NOT NULL,
	"user_id" uuid NOT NULL,
	"rating" text NOT NULL,
	"tags" json DEFAULT '[]'::json NOT NULL,
	"comment" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "feedback_rating_check" CHECK ("feedback"."rating" in ('good', 'bad'))
);
--> statement-breakpoint
ALTER TABLE "feedback" ADD CONSTRAINT "feedback_conversation_row_id_conversation_id_fk" FOREIGN KEY ("conversation_row_id") REFERENCES "conversation"("id") ON DELETE cascade ON UPDATE cascade;--> statement-breakpoint
ALTER TABLE "feedback" ADD CONSTRAINT "feedback_user_id_user_id_fk" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "feedback_conversation_row_id_message_id_idx" ON "feedback" USING btree ("conversation_row_id","message_id");--> statement-breakpoint
CREATE INDEX "feedback_user_id_created_at_id_idx" ON "feedback" USING btree ("user_id","created_at","id");