-- Whoever takes the content of a message away, over HTTP, by the library or by hand: what was thought of it goes with it.
CREATE FUNCTION "forget_feedback"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM "feedback"
	WHERE conversation_row_id = NEW.conversation_id AND message_id = coalesce(NEW.external_id, NEW.id::text);
	RETURN NULL;
END
$$;--> statement-breakpoint
CREATE TRIGGER "message_forget_feedback" AFTER UPDATE OF "status" ON "message"
FOR EACH ROW WHEN (NEW.status = 'deleted') EXECUTE FUNCTION "forget_feedback"();--> statement-breakpoint
DELETE FROM "feedback" USING "message"
WHERE "message".conversation_id = conversation_row_id AND message_id = coalesce("message".external_id, "message".id::text) AND "message".status = 'deleted';
