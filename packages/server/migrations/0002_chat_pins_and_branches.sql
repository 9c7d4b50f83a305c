DROP INDEX "conversation_user_id_updated_at_id_idx";--> statement-breakpoint
ALTER TABLE "conversation" ADD COLUMN "pinned" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "conversation" ADD COLUMN "archived" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "conversation_user_id_archived_updated_at_id_idx" ON "conversation" USING btree ("user_id","archived","updated_at","id");--> statement-breakpoint
CREATE INDEX "conversation_pinned_idx" ON "conversation" USING btree ("user_id","updated_at","id") WHERE "conversation"."pinned";--> statement-breakpoint
CREATE INDEX "message_conversation_id_parent_id_idx" ON "message" USING btree ("conversation_id","parent_id");