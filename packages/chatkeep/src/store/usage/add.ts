/** What is taken for a reply after it has ended, such as for a title. */
import { param, sql } from "../../sql/sql.ts";
import { type Context, owner, prepared } from "../context.ts";
import { conversationName } from "../ids.ts";
import { parse, parseId } from "../input.ts";
import { countSchema, uuidSchema } from "../schemas.ts";
import { strictObject } from "../strict-object.ts";
import type { UserId } from "../tables/tables.ts";
import { addUsage } from "../tables/usage.ts";

/** What a call of a model took. */
export interface Usage {
  inputTokens?: number | undefined;
  outputTokens?: number | undefined;
}

const usageSchema = strictObject({ inputTokens: countSchema.optional(), outputTokens: countSchema.optional() });

/** Adds to what a run that has ended took, and to the sums of today. @throws invalid_input */
export async function addUsageOfRun(
  context: Context,
  ownerId: UserId,
  conversationId: string,
  runId: string,
  given: Usage,
): Promise<void> {
  const { id } = conversationName(ownerId, parseId(conversationId, "conversationId"));
  const { run, usage } = context.tables;
  const { inputTokens = 0, outputTokens = 0 } = parse(usageSchema, given, "usage");
  const [input, output] = [param("inputTokens", "bigint"), param("outputTokens", "bigint")];
  const build = () => sql`
    with added as (
      update ${run} r
      set input_tokens = coalesce(r.input_tokens, 0) + ${input}, output_tokens = coalesce(r.output_tokens, 0) + ${output}
      where r.user_id = ${owner(context)} and r.conversation_id = ${param("conversationId", "uuid")}
        and r.id = ${param("runId", "uuid")} and r.status <> 'running'
      returning r.model
    )
    insert into ${usage} as u (user_id, day, model, replies, input_tokens, output_tokens, cached_tokens, reasoning_tokens)
    select ${owner(context)}, (clock_timestamp() at time zone 'UTC')::date, coalesce(model, ''), 0, ${input}, ${output}, 0, 0
    from added
    on conflict (user_id, day, model) do update set ${addUsage}`;
  await prepared(context, "add_usage", build, () => undefined).execute({
    ownerId,
    conversationId: id,
    runId: parse(uuidSchema, runId, "runId"),
    inputTokens,
    outputTokens,
  });
}
